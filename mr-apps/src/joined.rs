//! Values in order, side by side: the result of several apps.

use mr_core::app::Values;

/// All of `values`, sorted, with `separator` between them.
pub(crate) fn sorted_and_joined(values: Values<'_>, separator: &str) -> Vec<u8> {
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_unstable();
    bstr::join(separator, sorted)
}
