//! A simulated world on madsim.

#[cfg(not(madsim))]
compile_error!(
    "the crate `sim` simulates only with `--cfg madsim`, which .cargo/config.toml sets; a RUSTFLAGS variable replaces that \
     setting, so unset it or add `--cfg madsim` to it"
);
