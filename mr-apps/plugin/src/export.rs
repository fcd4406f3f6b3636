//! The one line that makes a crate a plugin.

/// Exports an app from a crate of type `cdylib`. Two forms:
///
/// * `export!(LineCount);` for an app without an argument: any expression that is an [`App`](crate::App) will do.
/// * `export!(|pattern = "."| Grep::new(pattern));` for one with: an expression over the argument that yields a
///   `Result<impl App, AppError>`. The literal is an example of an argument that works. It is no default: with it the app is
///   made that tells its name, version and input kind before the job has told the real argument.
#[macro_export]
macro_rules! export {
    (|$argument:ident = $example:literal| $new:expr) => {
        const _: () = {
            struct Exported;

            impl $crate::guest::Construct for Exported {
                const EXAMPLE: &'static str = $example;

                fn construct($argument: &str) -> Result<Box<dyn $crate::App>, $crate::AppError> {
                    let app = $new?;
                    Ok(Box::new(app))
                }
            }

            const _: () = assert!(cfg!(panic = "unwind"), "a plugin's panics are caught, so build it with panic = \"unwind\"");

            #[unsafe(export_name = "mr_plugin_abi_version")]
            static VERSION: u32 = $crate::abi::VERSION;

            #[unsafe(export_name = "mr_plugin_table")]
            static TABLE: $crate::abi::Table = $crate::guest::table::<Exported>();
        };
    };
    ($app:expr) => {
        $crate::export!(|argument = ""| $crate::guest::without_argument(argument, $app));
    };
}
