//! Space is worth as much writing as it is.

use super::*;

fn layout(segments: u64, baseline: u64) -> Layout {
    Layout {
        full: (1..=segments).map(|number| (number, 100)).collect(),
        current: segments + 1,
        baseline,
        room: u64::MAX,
    }
}

#[test]
fn a_small_baseline_is_worth_it_for_one_segment_and_a_large_one_for_many() {
    let none = BTreeMap::new();
    assert_eq!(worth(&layout(9, 0), &none, false), Some(1));
    assert_eq!(worth(&layout(9, 100), &none, false), Some(1));
    assert_eq!(worth(&layout(9, 101), &none, false), Some(2));
    assert_eq!(worth(&layout(9, 900), &none, false), Some(9));
    assert_eq!(worth(&layout(9, 901), &none, false), None);
    assert_eq!(worth(&layout(0, 0), &none, false), None);
}

#[test]
fn what_waits_for_a_neighbour_counts_twice() {
    let stuck = BTreeMap::from([(1, 100), (2, 30)]);
    assert_eq!(worth(&layout(1, 0), &stuck, false), None, "all of it would only be written again");
    assert_eq!(worth(&layout(9, 0), &stuck, false), Some(3), "170 come back for 130");
    assert_eq!(worth(&layout(9, 100), &stuck, false), Some(4));
}

#[test]
fn a_full_disk_does_not_ask_for_the_price_of_the_baseline() {
    assert_eq!(worth(&layout(1, 5000), &BTreeMap::new(), true), Some(1));
    assert_eq!(worth(&layout(1, 0), &BTreeMap::from([(1, 60)]), true), None);
}
