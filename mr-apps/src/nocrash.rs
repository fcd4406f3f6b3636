//! What the course's crash test computes, without the crashes.

use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::VERSION;
use crate::joined::sorted_and_joined;

/// Tells of all files the names (`a`), the lengths of the names (`b`) and of the contents (`c`), in bytes; and `xyzzy` (`d`).
#[derive(Debug, Clone, Copy)]
pub struct NoCrash;

impl App for NoCrash {
    fn name(&self) -> &str {
        "nocrash"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        emit.emit(b"a", input.file.as_bytes());
        emit.emit(b"b", input.file.len().to_string().as_bytes());
        emit.emit(b"c", input.data.len().to_string().as_bytes());
        emit.emit(b"d", b"xyzzy");
        Ok(())
    }

    fn reduce(&self, _key: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(&sorted_and_joined(values, " "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{list, mapped, reduced};

    #[test]
    fn a_file_is_told_by_name_and_lengths() {
        let record = |key: &str, value: &str| (key.as_bytes().to_vec(), value.as_bytes().to_vec());
        let records = [record("a", "é.txt"), record("b", "6"), record("c", "3"), record("d", "xyzzy")];
        assert_eq!(mapped(&NoCrash, "é.txt", b"\xff\r\n"), records);
    }

    #[test]
    fn values_are_sorted_as_text() {
        assert_eq!(reduced(&NoCrash, "c", &list(["9", "10", "9"])), Ok("c 10 9 9\n".to_owned()));
    }
}
