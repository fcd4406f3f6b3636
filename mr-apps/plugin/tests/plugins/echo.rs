//! A good plugin, with an argument.

mod mirror;

mr_plugin::export!(|argument = "an example"| mirror::Mirror::new(argument));
