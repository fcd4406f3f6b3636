//! Word count, the first MapReduce of all (MapReduce paper, section 2.1).

use bstr::ByteSlice;
use mr_core::app::{App, AppError, Emit, InputKind, MapInput, Output, ValueList, Values};

use crate::VERSION;
use crate::words::words;

/// Counts how often each word occurs.
#[derive(Debug, Clone, Copy)]
pub struct WordCount;

impl App for WordCount {
    fn name(&self) -> &str {
        "wc"
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn input(&self) -> InputKind {
        InputKind::Lines
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        for word in words(input.data) {
            emit.emit(word, b"1");
        }
        Ok(())
    }

    fn reduce(&self, _word: &[u8], counts: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        output.value(sum(counts)?.to_string().as_bytes());
        Ok(())
    }

    fn has_combiner(&self) -> bool {
        true
    }

    fn combine(&self, _word: &[u8], counts: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        combined.push(sum(counts)?.to_string().as_bytes());
        Ok(())
    }
}

/// The sum of `counts`, which map and combine wrote in decimal.
fn sum(counts: Values<'_>) -> Result<u64, AppError> {
    let mut sum = 0_u64;
    for run in counts.runs() {
        let count: u64 = run
            .value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| AppError(format!("`{}` is not a count", run.value.as_bstr())))?;
        sum = count
            .checked_mul(run.count)
            .and_then(|product| sum.checked_add(product))
            .ok_or_else(|| AppError::new("the counts add up to more than 64 bits hold"))?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use mr_core::app::ValueRun;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{list, mapped, reduced};

    #[test]
    fn each_word_counts_one_and_keeps_its_case() {
        let one = |word: &str| (word.as_bytes().to_vec(), b"1".to_vec());
        let emitted = mapped(&WordCount, "f", b"The the\r\nna\xc3\xafve\xff the");
        assert_eq!(emitted, [one("The"), one("the"), one("naïve"), one("the")]);
    }

    #[test]
    fn a_word_is_written_with_its_count() {
        assert_eq!(reduced(&WordCount, "the", &list(["1", "1", "40"])), Ok("the 42\n".to_owned()));
    }

    #[test]
    fn a_long_run_is_one_step() {
        let mut counts = ValueList::new();
        counts.push_run(ValueRun { value: b"1", count: 1 << 50 });
        assert_eq!(reduced(&WordCount, "the", &counts), Ok("the 1125899906842624\n".to_owned()));
    }

    #[test]
    fn what_is_no_count_is_named() {
        let error = |words: &str| Err(AppError::new(words));
        assert_eq!(reduced(&WordCount, "the", &list(["1", "many"])), error("`many` is not a count"));
        assert_eq!(reduced(&WordCount, "the", &list(["-1"])), error("`-1` is not a count"));
        let largest = u64::MAX.to_string();
        let words = "the counts add up to more than 64 bits hold";
        assert_eq!(reduced(&WordCount, "the", &list([largest.as_str(), "1"])), error(words));
        assert_eq!(reduced(&WordCount, "the", &list([largest.as_str(), largest.as_str()])), error(words));
    }

    proptest! {
        #[test]
        fn combined_anywhere_the_count_is_the_same(counts in vec(vec(0_u32.., 0..5), 1..5)) {
            let (mut all, mut combined) = (ValueList::new(), ValueList::new());
            for group in &counts {
                let group: ValueList = group.iter().map(ToString::to_string).collect();
                group.values().runs().for_each(|run| all.push_run(run));
                WordCount.combine(b"k", group.values(), &mut combined).expect("these are counts");
            }
            prop_assert_eq!(combined.values().len(), counts.len() as u64);
            prop_assert_eq!(reduced(&WordCount, "k", &combined), reduced(&WordCount, "k", &all));
        }
    }
}
