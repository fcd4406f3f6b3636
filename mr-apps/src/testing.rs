//! Calls an app as a task would, for the tests of each.

use mr_core::app::{App, AppError, Emit, MapInput, Output, ValueList};

/// Records as they were emitted.
#[derive(Default)]
pub(crate) struct Emitted(Vec<(Vec<u8>, Vec<u8>)>);

impl Emit for Emitted {
    fn emit(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), value.to_vec()));
    }
}

impl Emitted {
    /// The records as texts.
    pub(crate) fn texts(&self) -> Vec<(String, String)> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.0.iter().map(|(key, value)| (text(key), text(value))).collect()
    }
}

/// What `app` emits for `data` at the start of `file`.
pub(crate) fn mapped(app: &dyn App, file: &str, data: impl AsRef<[u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut emitted = Emitted::default();
    app.map(MapInput { file, offset: 0, data: data.as_ref() }, &mut emitted).expect("the app maps this");
    emitted.0
}

/// The keys of [`mapped`].
pub(crate) fn keys(app: &dyn App, file: &str, data: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
    mapped(app, file, data).into_iter().map(|(key, _)| key).collect()
}

/// What `app` writes for `values` of `key`.
pub(crate) fn reduced(app: &dyn App, key: &str, values: &ValueList) -> Result<String, AppError> {
    let mut written = Vec::new();
    app.reduce(key.as_bytes(), values.values(), &mut Output::new(key.as_bytes(), &mut written))?;
    Ok(String::from_utf8(written).expect("keys and values of the tests are text"))
}

/// A list of `values`.
pub(crate) fn list<const N: usize>(values: [&str; N]) -> ValueList {
    values.into_iter().collect()
}
