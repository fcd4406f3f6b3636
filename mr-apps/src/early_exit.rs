//! The course's test that nobody leaves before the last task is done.

use std::thread::sleep;
use std::time::Duration;

use bstr::ByteSlice;
use mr_core::app::{App, AppError, Emit, MapInput, Output, Values};

use crate::VERSION;

/// Counts how often each file was named; takes 3 seconds longer over those with `sherlock` or `tom` in their name.
#[derive(Debug, Clone, Copy)]
pub struct EarlyExit;

impl App for EarlyExit {
    fn name(&self) -> &str {
        "early_exit"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        emit.emit(input.file.as_bytes(), b"1");
        Ok(())
    }

    fn reduce(&self, file: &[u8], values: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        sleep(delay(file));
        output.value(values.len().to_string().as_bytes());
        Ok(())
    }
}

/// How long the reduce of `file` waits.
fn delay(file: &[u8]) -> Duration {
    let slow = file.contains_str("sherlock") || file.contains_str("tom");
    if slow { Duration::from_secs(3) } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{list, mapped, reduced};

    #[test]
    fn a_file_is_counted_as_often_as_it_was_named() {
        assert_eq!(mapped(&EarlyExit, "pg-grimm.txt", "Once"), [(b"pg-grimm.txt".to_vec(), b"1".to_vec())]);
        assert_eq!(reduced(&EarlyExit, "pg-grimm.txt", &list(["1", "1"])), Ok("pg-grimm.txt 2\n".to_owned()));
    }

    #[test]
    fn two_of_the_books_take_longer() {
        let three = Duration::from_secs(3);
        assert_eq!(delay(b"../pg-sherlock_holmes.txt"), three);
        assert_eq!(delay(b"../pg-tom_sawyer.txt"), three);
        assert_eq!(delay(b"../pg-grimm.txt"), Duration::ZERO);
    }
}
