//! Keys of every kind of text, of numbers that are not zero, and the elements of what can be taken apart.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::num::{NonZeroI8, NonZeroU64, NonZeroU128};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::{Database, Key, Result, Table};

#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
struct Id(NonZeroU64);

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[index(named = (name, code))]
#[index(both = (code, each(maybe)), unique)]
struct Thing {
    #[primary_key(auto)]
    id: Id,
    #[index(unique)]
    name: Box<str>,
    #[index(nocase)]
    title: Cow<'static, str>,
    #[index]
    code: NonZeroI8,
    #[index(sparse)]
    wide: Option<NonZeroU128>,
    #[index(each)]
    maybe: Option<Vec<String>>,
    #[index(each)]
    scores: BTreeMap<String, u32>,
    #[index(each)]
    counts: HashMap<u16, String>,
    #[index(each)]
    set: Option<BTreeSet<u8>>,
    #[index(each, nocase)]
    names: Option<HashSet<Box<str>>>,
}

#[derive(Table, Serialize, Deserialize)]
struct Counted {
    #[primary_key(auto)]
    id: NonZeroU64,
}

fn main() -> Result<()> {
    let db = Database::in_memory()?;
    let things = db.table::<Thing>()?;
    let thing = Thing {
        id: Id(NonZeroU64::MIN),
        name: "ann".into(),
        title: "Walnut".into(),
        code: NonZeroI8::new(-3).expect("not zero"),
        wide: NonZeroU128::new(9),
        maybe: Some(vec!["a".into(), "b".into(), "a".into()]),
        scores: [("x".to_owned(), 1), ("y".to_owned(), 2)].into(),
        counts: [(7, "seven".to_owned())].into(),
        set: None,
        names: Some(["Ann".into(), "Bob".into()].into()),
    };
    let id = things.insert_new(&thing)?;
    let by = things.by();
    assert_eq!(things.get(id)?, Some(thing.clone()));
    assert_eq!(by.name.get("ann")?.map(|thing| thing.id), Some(id));
    assert_eq!(by.name.range("a".."b").count()? + by.name.starts_with("an").count()?, 2);
    assert_eq!(by.title.all("WALNUT").count()? + by.title.starts_with("wal").count()?, 2);
    assert_eq!(by.code.all(thing.code).count()? + by.code.range(..thing.code).count()?, 1);
    assert_eq!(by.wide.all(thing.wide).count()?, 1);
    assert_eq!(by.named.prefix("ann").all(thing.code).count()?, 1);
    assert_eq!(by.maybe.iter().count()?, 2, "each distinct element once");
    assert_eq!(by.maybe.all("b").count()? + by.scores.all("y").count()? + by.counts.all(7).count()?, 3);
    assert_eq!(by.both.get((thing.code, "a"))?.map(|thing| thing.id), Some(id));
    assert_eq!(by.set.iter().count()?, 0);
    assert_eq!(by.names.all("BOB").count()?, 1);
    things.modify(id, |thing| (thing.maybe, thing.set) = (None, Some([4, 5].into())))?;
    assert_eq!((by.maybe.iter().count()?, by.both.iter().count()?, by.set.all(4).count()?), (0, 0, 1));
    db.verify()?;

    let counted = db.table::<Counted>()?;
    assert_eq!(counted.insert_new(&Counted { id: NonZeroU64::MAX })?.get(), 1);
    let shared: Arc<str> = "shared".into();
    assert_eq!(by.name.all(&shared).count()?, 0);
    Ok(())
}
