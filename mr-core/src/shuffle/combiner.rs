//! Folding the values of a key with the app's combiner, wherever they pass by.

use crate::app::{Guarded, ValueList};
use crate::tasks::TaskError;

use super::MAX_FIELD_BYTES;

/// The app's combiner, and room for its result.
pub struct Combiner<'a> {
    app: &'a Guarded,
    combined: ValueList,
}

impl<'a> Combiner<'a> {
    /// The combiner of `app`.
    #[must_use]
    pub fn new(app: &'a Guarded) -> Self {
        Self { app, combined: ValueList::new() }
    }

    /// Replaces the values of `key` by what the combiner makes of them. A single value is left as it is.
    ///
    /// # Errors
    ///
    /// When the app fails, or makes a value that no intermediate file can hold.
    pub fn fold(&mut self, key: &[u8], values: &mut ValueList) -> Result<(), TaskError> {
        if values.values().len() <= 1 {
            return Ok(());
        }
        self.combined.clear();
        self.app
            .combine(key, values.values(), &mut self.combined)
            .map_err(|error| TaskError::App { file: key_label(key), error })?;
        if let Some(run) = self.combined.values().runs().find(|run| run.value.len() > MAX_FIELD_BYTES) {
            return Err(TaskError::TooLarge { file: key_label(key), what: "value", len: run.value.len() });
        }
        std::mem::swap(values, &mut self.combined);
        Ok(())
    }
}

/// How an error names a key: printable, and cut when it is long.
pub(crate) fn key_label(key: &[u8]) -> String {
    const SHOWN_BYTES: usize = 80;
    match key.get(..SHOWN_BYTES) {
        Some(start) if key.len() > SHOWN_BYTES => format!("key {}… ({} bytes)", start.escape_ascii(), key.len()),
        _ => format!("key {}", key.escape_ascii()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_printably_and_not_at_length() {
        assert_eq!(key_label(b"a b\0\xff"), "key a b\\x00\\xff");
        assert_eq!(key_label(&[b'k'; 80]), format!("key {}", "k".repeat(80)));
        assert_eq!(key_label(&[b'k'; 1000]), format!("key {}… (1000 bytes)", "k".repeat(80)));
    }
}
