//! Taking pieces out of a list, as delta debugging does: halves first, then quarters, down to single elements.
//! (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002.)

/// `list` without one stretch of it, for all stretches of each size, from half of the list down to one element. Of a list of one,
/// the empty list.
#[must_use]
pub fn without_pieces<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let mut shorter = Vec::new();
    if list.is_empty() {
        return shorter;
    }
    if list.len() > 1 {
        shorter.push(Vec::new());
    }
    let mut size = list.len().div_ceil(2);
    loop {
        for start in (0..list.len()).step_by(size) {
            let end = (start + size).min(list.len());
            shorter.push([&list[..start], &list[end..]].concat());
        }
        if size == 1 {
            return shorter;
        }
        size = size.div_ceil(2);
    }
}

/// Smaller numbers than `number` that are at least `least`: the least, half-way, and one less.
#[must_use]
pub fn smaller_numbers(number: u64, least: u64) -> Vec<u64> {
    let mut numbers = vec![least, least + number.saturating_sub(least) / 2, number.saturating_sub(1)];
    numbers.retain(|&other| other >= least && other < number);
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_go_from_large_to_small() {
        assert_eq!(without_pieces(&[1, 2, 3]), [vec![], vec![3], vec![1, 2], vec![2, 3], vec![1, 3], vec![1, 2]]);
        assert_eq!(without_pieces(&[1]), [Vec::<i32>::new()]);
        assert!(without_pieces::<i32>(&[]).is_empty());
    }

    #[test]
    fn smaller_numbers_are_smaller_and_not_too_small() {
        assert_eq!(smaller_numbers(10, 1), [1, 5, 9]);
        assert_eq!(smaller_numbers(2, 1), [1]);
        assert!(smaller_numbers(1, 1).is_empty());
    }
}
