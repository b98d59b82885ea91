//! The clock and its admission policy, with entries that count.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;

/// The entries by place: size, and whether it was used.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<Mutex<BTreeMap<u64, (usize, bool)>>>);

impl Evictable for Counted {
    fn take_used(&self, place: u64) -> bool {
        std::mem::take(&mut self.0.lock().unwrap().get_mut(&place).unwrap().1)
    }

    fn remove(&self, place: u64) -> usize {
        self.0.lock().unwrap().remove(&place).unwrap().0
    }

    fn size(&self, places: &mut dyn Iterator<Item = u64>) -> usize {
        let entries = self.0.lock().unwrap();
        places.map(|place| entries[&place].0).sum()
    }
}

impl Counted {
    fn total(&self) -> usize {
        self.0.lock().unwrap().values().map(|(size, _)| size).sum()
    }

    fn places(&self) -> Vec<u64> {
        self.0.lock().unwrap().keys().copied().collect()
    }

    /// Uses the entry at a place, or inserts it.
    fn want(&self, account: &Account, place: u64, size: usize) {
        if let Some(entry) = self.0.lock().unwrap().get_mut(&place) {
            entry.1 = true;
            return;
        }
        account.insert(place, size, || self.0.lock().unwrap().insert(place, (size, false)).is_none());
    }
}

fn opened(cache: &Arc<Cache>, fixed_size: usize) -> (Counted, Account) {
    let entries = Counted::default();
    let account = cache.register(entries.clone(), fixed_size);
    (entries, account)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Open(usize),
    Close(usize),
    Want(usize, u64, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..200usize).prop_map(Step::Open),
        1 => any::<usize>().prop_map(Step::Close),
        20 => (any::<usize>(), 0..12u64, 0..300usize).prop_map(|(n, place, size)| Step::Want(n, place, size)),
    ]
}

proptest! {
    #[test]
    fn what_is_charged_is_what_lies_there_and_the_budget_holds(steps in prop::collection::vec(step(), 1..200)) {
        const BUDGET: usize = 1000;
        let cache = Cache::new(BUDGET);
        let mut readers: Vec<(Counted, Account, usize)> = Vec::new();
        for step in steps {
            match step {
                Step::Open(fixed_size) => {
                    let (entries, account) = opened(&cache, fixed_size);
                    readers.push((entries, account, fixed_size));
                }
                Step::Close(n) if !readers.is_empty() => drop(readers.swap_remove(n % readers.len())),
                Step::Want(n, place, size) if !readers.is_empty() => {
                    let (entries, account, _) = &readers[n % readers.len()];
                    entries.want(account, place, size);
                }
                Step::Close(_) | Step::Want(..) => {}
            }
            let fixed: usize = readers.iter().map(|(.., fixed_size)| fixed_size).sum();
            let cached: usize = readers.iter().map(|(entries, ..)| entries.total()).sum();
            prop_assert_eq!(cache.used_size(), fixed + cached);
            prop_assert!(cached == 0 || fixed + cached <= BUDGET);
        }
        drop(readers);
        prop_assert_eq!(cache.used_size(), 0);
    }
}

#[test]
fn what_is_used_again_outlives_what_comes_once_in_every_account() {
    let cache = Cache::new(1000);
    let readers = [0; 2].map(|_| opened(&cache, 0));
    for place in 0..200 {
        for (entries, account) in &readers {
            entries.want(account, 0, 100);
            entries.want(account, 1 + place, 100);
        }
    }
    for (entries, _) in &readers {
        assert!(entries.places().contains(&0), "{:?}", entries.places());
    }
}

#[test]
fn a_value_is_admitted_while_there_is_room_and_later_when_it_is_asked_for_again() {
    let cache = Cache::new(16_000);
    let (entries, account) = opened(&cache, 0);
    let admits = |identity: u64, size, asked| cache.admits(identity << 32 | identity, size, asked);
    assert!(admits(1, 1000, false) && admits(2, 1000, true), "there is room for either");
    assert!(!admits(3, 1001, true), "more than a value may take");
    entries.want(&account, 0, 15_500);
    assert!(
        !admits(4, 1000, false) && !admits(4, 1000, false),
        "a scan evicts nothing, however often it passes"
    );
    assert!(!admits(5, 1000, true), "the first time");
    assert!(admits(5, 1000, true), "the second time");
    assert!(admits(6, 500, false), "there is room for that");
}
