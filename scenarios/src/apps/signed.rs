//! Word count whose every line is signed by the worker that wrote it: `word 3#2`. A function that is not deterministic, as people's are;
//! what is promised of those is that an output is that of one attempt as a whole, and never changes. (MapReduce paper, section 3.3.)

use mr_core::app::{App, AppError, Emit, InputKind, MapInput, Output, ValueList, Values};

/// Word count, signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed {
    signature: u32,
}

impl Signed {
    /// The app as a worker of this number has it; the oracle is number 0.
    pub(super) fn new(signature: u32) -> Self {
        Self { signature }
    }
}

impl App for Signed {
    fn name(&self) -> &str {
        "signed"
    }

    fn input(&self) -> InputKind {
        InputKind::Lines
    }

    fn map(&self, input: MapInput<'_>, emit: &mut dyn Emit) -> Result<(), AppError> {
        mr_apps::WordCount.map(input, emit)
    }

    fn reduce(&self, word: &[u8], counts: Values<'_>, output: &mut Output<'_>) -> Result<(), AppError> {
        let mut line = Vec::new();
        mr_apps::WordCount.reduce(word, counts, &mut Output::new(word, &mut line))?;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        output.raw(&[line, format!("#{}\n", self.signature).as_bytes()].concat(), 1);
        Ok(())
    }

    fn has_combiner(&self) -> bool {
        true
    }

    fn combine(&self, word: &[u8], counts: Values<'_>, combined: &mut ValueList) -> Result<(), AppError> {
        mr_apps::WordCount.combine(word, counts, combined)
    }
}

/// An output as the oracle would have signed it, with the signature that it has; nothing when its lines are signed differently.
pub(crate) fn without_signatures(output: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut signature = None;
    for line in output.split_inclusive(|&byte| byte == b'\n') {
        let at = line.iter().rposition(|&byte| byte == b'#')?;
        if *signature.get_or_insert(&line[at..]) != &line[at..] {
            return None;
        }
        plain.extend_from_slice(&line[..at]);
        plain.extend_from_slice(b"#0\n");
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_count_and_a_signature() {
        let ones: ValueList = ["1", "1"].into_iter().collect();
        let mut line = Vec::new();
        Signed::new(7).reduce(b"so", ones.values(), &mut Output::new(b"so", &mut line)).unwrap();
        assert_eq!(line, b"so 2#7\n");
    }

    #[test]
    fn an_output_of_two_hands_is_told_apart() {
        assert_eq!(without_signatures(b"a 1#7\nb 2#7\n"), Some(b"a 1#0\nb 2#0\n".to_vec()));
        assert_eq!(without_signatures(b"a 1#7\nb 2#8\n"), None);
        assert_eq!(without_signatures(b"a 1#7\nb"), None);
        assert_eq!(without_signatures(b""), Some(Vec::new()));
    }
}
