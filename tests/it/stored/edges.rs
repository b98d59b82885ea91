//! Keys and values at the edge of what is stored: keys that take no bytes, times before 1970.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use walnut::{Database, Error, Table};
use walnut_tests::random::Random;

/// A table of at most one row, whose primary key takes no bytes.
macro_rules! single {
    ($name:ident $(#[$table:meta])? { $($(#[$key:meta])? $field:ident: $ty:ty = $value:expr),* } at $at:expr) => {
        #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
        $(#[$table])?
        #[index(pair = (number, each(tags)), unique)]
        struct $name {
            $($(#[$key])? $field: $ty,)*
            #[index(unique)]
            number: u8,
            #[index(unique)]
            maybe: Option<u8>,
            #[index]
            label: String,
            #[index(each, unique)]
            tags: Vec<u8>,
        }

        impl $name {
            fn made(random: &mut Random) -> Self {
                Self {
                    $($field: $value,)*
                    number: random.next().to_le_bytes()[0],
                    maybe: random.one_in(2).then_some(7),
                    label: "a".repeat(random.place(3)),
                    tags: (0..random.below(3)).map(|tag| tag.to_le_bytes()[0]).collect(),
                }
            }

            /// Random statements; after each one rows and entries agree, and no sweep finds anything to do.
            fn check() {
                let mut random = Random::new(1, stringify!($name));
                let db = Database::in_memory().unwrap();
                let table = db.table::<Self>().unwrap();
                let mut stored = None;
                for _ in 0..60 {
                    let row = Self::made(&mut random);
                    match random.below(5) {
                        0 => assert_eq!(table.insert(&row).is_ok(), stored.is_none()),
                        1 => assert_eq!(table.upsert(&row).unwrap(), stored),
                        2 => assert_eq!(table.remove($at).unwrap(), stored),
                        3 => assert_eq!(table.by().maybe.modify(None, |_| panic!("it has no owner")).unwrap(), None),
                        _ => assert_eq!(table.by().maybe.remove(None).unwrap(), None),
                    }
                    stored = table.get($at).unwrap();
                    let Some(row) = &stored else {
                        assert_eq!(db.verify().unwrap().entry_count, 0);
                        continue;
                    };
                    let by = table.by();
                    assert_eq!(by.number.get(row.number).unwrap().as_ref(), Some(row));
                    assert_eq!(by.maybe.get(row.maybe).unwrap().as_ref(), row.maybe.map(|_| row));
                    assert_eq!(by.maybe.all(None).count().unwrap(), u64::from(row.maybe.is_none()));
                    assert_eq!(by.label.all(&row.label).collect_vec().unwrap(), std::slice::from_ref(row));
                    assert!(row.tags.iter().all(|&tag| by.tags.contains(tag).unwrap()));
                    assert_eq!(table.iter().collect_vec().unwrap(), std::slice::from_ref(row));
                    db.verify().unwrap();
                    let swept = table.sweep().unwrap();
                    assert!(swept.is_clean(), "{swept:?}");
                }
            }
        }
    };
}

single!(OfUnit { #[primary_key] id: () = () } at ());
single!(OfNoBytes { #[primary_key] id: [u8; 0] = [] } at []);
single!(OfBoth #[table(primary_key = (first, second))] { first: () = (), second: [u8; 0] = [] } at ((), []));

#[test]
fn the_one_row_under_a_key_without_bytes_has_entries_like_any_other() {
    OfUnit::check();
    OfNoBytes::check();
    OfBoth::check();
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
struct Birthday {
    #[primary_key]
    id: u64,
    #[index]
    at: SystemTime,
    others: Vec<Option<SystemTime>>,
}

#[test]
fn a_time_before_1970_is_refused_with_the_reason_and_what_to_store_instead() {
    let days = Database::in_memory().unwrap().table::<Birthday>().unwrap();
    let (epoch, second) = (SystemTime::UNIX_EPOCH, Duration::from_secs(1));
    let first = Birthday { id: 1, at: epoch, others: vec![Some(epoch + second), None] };
    days.insert(&first).unwrap();
    for (at, other) in [(epoch - second, epoch), (epoch, epoch - second)] {
        let error = days.upsert(&Birthday { id: 2, at, others: vec![None, Some(other)] }).unwrap_err();
        assert!(matches!(error, Error::Unstorable(_)), "{error:?}");
        let told = error.to_string();
        assert!(
            told.contains("`Birthday`") && told.contains("before 1970") && told.contains("i64"),
            "{told}"
        );
    }
    assert_eq!(days.iter().collect_vec().unwrap(), [first]);
    assert_eq!(days.by().at.all(epoch - second).count().unwrap(), 0);
}
