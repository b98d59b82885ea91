//! Tables on an engine: they do what they do in an embedded database, and stay exact when several
//! programs with different structs use them.

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;

use serde::{Deserialize, Serialize};
use walnut::remote::{Engine, Serializable};
use walnut::{Database, Error, Table};

use crate::{Options, Outcome, described, ensure, unique_name};

type TableCheck<E> = fn(&E, &Options) -> Outcome;

pub(crate) fn checks<E: Engine + Serializable + Clone>() -> Vec<(&'static str, TableCheck<E>)> {
    vec![
        ("tables: random statements do what a map does", random_statements::<E>),
        ("tables: of clients that race for a unique value one gets it", unique_races::<E>),
        ("tables: a program that lacks an index of another one does not write", two_programs::<E>),
        ("tables: an index that several clients build is built once, and exact", shared_build::<E>),
        ("tables: an index is dropped by name only", retired_index::<E>),
        ("tables: a dropped table is empty, and its old handles do not write", dropped_table::<E>),
        ("tables: generated keys of several clients are all different", generated_keys::<E>),
        ("tables: a program of an older layout is told which one a row has", newer_layout::<E>),
        ("tables: keyspaces of bytes, with counters and removed ranges", keyspaces::<E>),
    ]
}

/// The same table as programs of several versions have it.
mod versions {
    use serde::{Deserialize, Serialize};
    use walnut::Table;

    macro_rules! program {
        ($name:ident, $table:literal { $(#[$words:meta])* age }) => {
            #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
            #[table(name = $table)]
            pub(super) struct $name {
                #[primary_key]
                pub(super) id: u64,
                #[index(unique)]
                pub(super) name: String,
                $(#[$words])*
                pub(super) age: u32,
            }

            impl $name {
                pub(super) fn numbered(id: u64) -> Self {
                    Self { id, name: format!("name {id}"), age: u32::try_from(id % 7).unwrap_or(0) }
                }
            }
        };
    }

    program!(Old, "conformance_people" { age });
    program!(New, "conformance_people" { #[index] age });
    program!(Unbuilt, "conformance_built" { age });
    program!(Built, "conformance_built" { #[index] age });
    program!(Whole, "conformance_retired" { #[index] age });
    program!(Without, "conformance_retired" { age });
    program!(Dropped, "conformance_dropped" { #[index] age });
}

use versions::{Built, Dropped, New, Old, Unbuilt, Whole, Without};

/// A table before and after its layout has changed.
mod layouts {
    use serde::{Deserialize, Serialize};
    use walnut::Table;

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "conformance_layouts")]
    pub(super) struct First {
        #[primary_key]
        pub(super) id: u64,
        pub(super) size: u32,
    }

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "conformance_layouts", version = 2, migrate_from = First)]
    pub(super) struct Second {
        #[primary_key]
        pub(super) id: u64,
        pub(super) size: u64,
        pub(super) unit: String,
    }

    impl From<First> for Second {
        fn from(first: First) -> Self {
            Self { id: first.id, size: u64::from(first.size), unit: "mm".to_owned() }
        }
    }
}

use layouts::{First, Second};

fn open<E: Engine + Serializable + Clone>(engine: &E) -> Result<Database<E>, String> {
    Database::on(engine.clone()).map_err(described)
}

fn verified<E: Engine + Serializable>(db: &Database<E>) -> Outcome {
    db.verify_tables().map(drop).map_err(|error| format!("indexes disagree with rows: {error}"))
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "conformance_items", primary_key = (run, id))]
#[index(shelf_size = (run, shelf, size))]
struct Item {
    run: String,
    id: u64,
    shelf: u8,
    size: Option<u16>,
    #[index(unique)]
    code: String,
}

fn random_statements<E: Engine + Serializable + Clone>(engine: &E, options: &Options) -> Outcome {
    let (db, run) = (open(engine)?, unique_name("run"));
    let items = db.table::<Item>().map_err(described)?;
    let mut model: BTreeMap<u64, Item> = BTreeMap::new();
    let mut random = options.seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut below = |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % limit
    };
    for step in 0..options.statement_count {
        let id = below(20);
        let item = Item {
            run: run.clone(),
            id,
            shelf: u8::try_from(below(3)).unwrap_or(0),
            size: (below(4) > 0).then(|| u16::try_from(below(5)).unwrap_or(0)),
            code: format!("{run}/{}", below(25)),
        };
        let is_taken = model.values().any(|other| other.id != id && other.code == item.code);
        let agrees = match below(6) {
            0 => {
                let is_free = !is_taken && !model.contains_key(&id);
                let inserted = items.insert(&item);
                if is_free {
                    model.insert(id, item);
                }
                is_free == inserted.is_ok() && violation_or_ok(&inserted)
            }
            1 => {
                let upserted = items.upsert(&item);
                let is_violation = matches!(upserted, Err(Error::UniqueViolation(_)));
                if is_taken { is_violation } else { upserted.map_err(described)? == model.insert(id, item) }
            }
            2 => items.remove((run.as_str(), id)).map_err(described)? == model.remove(&id),
            3 => {
                let change = |row: &mut Item| row.size = item.size;
                let modified = items.modify((run.as_str(), id), change).map_err(described)?;
                if let Some(row) = model.get_mut(&id) {
                    row.size = item.size;
                }
                modified.as_ref() == model.get(&id)
            }
            4 => {
                let found = items.by().code.get(&item.code).map_err(described)?;
                found.as_ref() == model.values().find(|row| row.code == item.code)
            }
            _ => {
                let scan = items.by().shelf_size.prefix(run.as_str()).prefix(item.shelf);
                let found = scan.collect_vec().map_err(described)?;
                let mut expected: Vec<Item> =
                    model.values().filter(|row| row.shelf == item.shelf).cloned().collect();
                expected.sort_by_key(|row| (row.size, row.id));
                found == expected
            }
        };
        ensure(agrees, || format!("statement {step} of seed {} does something else", options.seed))?;
    }
    let rows = items.prefix(&run).collect_vec().map_err(described)?;
    ensure(rows.iter().eq(model.values()), || "the rows are others than those of the map".to_owned())?;
    verified(&db)
}

fn violation_or_ok(outcome: &Result<(), Error>) -> bool {
    matches!(outcome, Ok(()) | Err(Error::UniqueViolation(_)))
}

fn unique_races<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let run = unique_name("race");
    for round in 0..5u64 {
        let winners: Result<Vec<u64>, String> = std::thread::scope(|scope| {
            let racer = |id: u64| {
                let run = &run;
                scope.spawn(move || -> Result<u64, String> {
                    let items = open(engine)?.table::<Item>().map_err(described)?;
                    let code = format!("{run}/{round}");
                    match items.insert(&Item {
                        run: run.clone(),
                        id: round * 10 + id,
                        shelf: 0,
                        size: None,
                        code,
                    }) {
                        Ok(()) => Ok(1),
                        Err(Error::UniqueViolation(_)) => Ok(0),
                        Err(error) => Err(described(error)),
                    }
                })
            };
            let racers: Vec<_> = (0..4).map(racer).collect();
            let outcomes = racers.into_iter().map(ScopedJoinHandle::join);
            outcomes
                .map(|outcome| outcome.unwrap_or_else(|_| Err("a client has panicked".to_owned())))
                .collect()
        });
        let winner_count: u64 = winners?.iter().sum();
        ensure(winner_count == 1, || format!("{winner_count} clients have inserted one unique value"))?;
    }
    let db = open(engine)?;
    db.table::<Item>().map_err(described)?;
    verified(&db)
}

fn two_programs<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let (old, new) = (open(engine)?, open(engine)?);
    old.drop_table("conformance_people").map_err(described)?;
    let old_people = old.table::<Old>().map_err(described)?;
    for id in 0..20 {
        old_people.insert(&Old::numbered(id)).map_err(described)?;
    }
    let new_people = new.table::<New>().map_err(described)?;
    let refused = old_people.insert(&Old::numbered(100));
    ensure(matches!(refused, Err(Error::Schema(_))), || {
        format!("a program without the index of another one gets {refused:?} for a write")
    })?;
    let refused = old_people.by().name.get("name 1");
    ensure(matches!(refused, Err(Error::Schema(_))), || format!("and {refused:?} for a read by an index"))?;
    let opened = open(engine)?.table::<Old>().map(drop);
    ensure(matches!(opened, Err(Error::Schema(_))), || {
        format!("and {opened:?} when it opens the table again")
    })?;
    new_people.insert(&New::numbered(101)).map_err(described)?;
    let count = new_people.by().age.iter().count().map_err(described)?;
    ensure(count == 21, || format!("the new index has {count} entries for 21 rows"))?;
    verified(&new)
}

fn newer_layout<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let (old, new) = (open(engine)?, open(engine)?);
    old.drop_table("conformance_layouts").map_err(described)?;
    let first = old.table::<First>().map_err(described)?;
    for id in 1..4 {
        first.insert(&First { id, size: 7 }).map_err(described)?;
    }
    let second = new.table::<Second>().map_err(described)?;
    let row = Second { id: 2, size: 1 << 40, unit: "nm".to_owned() };
    second.upsert(&row).map_err(described)?;
    let told = [
        ("a get", first.get(2).map(drop)),
        ("a scan", first.iter().try_for_each(|row| row.map(drop))),
        ("an insert", first.insert(&First { id: 4, size: 1 })),
        ("a removal", first.remove(1).map(drop)),
    ];
    for (what, outcome) in told {
        let is_told = matches!(outcome, Err(Error::SchemaTooNew { stored: 2, known: 1, .. }));
        ensure(is_told, || format!("{what} of a program of the older layout is {outcome:?}"))?;
    }
    let rows: Vec<Second> = second.iter().collect::<Result<_, _>>().map_err(described)?;
    ensure(rows.len() == 3 && rows[1] == row, || format!("the newer program reads {rows:?}"))
}

fn shared_build<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let db = open(engine)?;
    db.drop_table("conformance_built").map_err(described)?;
    let rows = db.table::<Unbuilt>().map_err(described)?;
    for start in (0..150u64).step_by(10) {
        rows.insert_many((start..start + 10).map(Unbuilt::numbered)).map_err(described)?;
    }
    let outcomes: Result<Vec<u64>, String> = std::thread::scope(|scope| {
        let builder = |_| {
            scope.spawn(move || -> Result<u64, String> {
                let built = open(engine)?.table::<Built>().map_err(described)?;
                built.by().age.iter().count().map_err(described)
            })
        };
        let builders: Vec<_> = (0..3).map(builder).collect();
        let outcomes = builders.into_iter().map(ScopedJoinHandle::join);
        outcomes.map(|outcome| outcome.unwrap_or_else(|_| Err("a client has panicked".to_owned()))).collect()
    });
    let counts = outcomes?;
    ensure(counts.iter().all(|count| *count == 150), || {
        format!("the clients see {counts:?} of 150 entries")
    })?;
    let db = open(engine)?;
    db.table::<Built>().map_err(described)?.insert(&Built::numbered(900)).map_err(described)?;
    verified(&db)
}

fn retired_index<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let (one, other) = (open(engine)?, open(engine)?);
    one.drop_table("conformance_retired").map_err(described)?;
    let whole = one.table::<Whole>().map_err(described)?;
    whole.insert(&Whole::numbered(1)).map_err(described)?;
    let opened = other.table::<Without>().map(drop);
    ensure(matches!(opened, Err(Error::Schema(_))), || {
        format!("an index is left out by opening: {opened:?}")
    })?;
    let retired = other.retire_index("conformance_retired", "age").map_err(described)?;
    ensure(retired, || "there was no index to drop".to_owned())?;
    let without = other.table::<Without>().map_err(described)?;
    without.insert(&Without::numbered(2)).map_err(described)?;
    let refused = (whole.insert(&Whole::numbered(3)), whole.by().age.iter().count());
    let is_refused = matches!(refused, (Err(Error::Schema(_)), Err(Error::Schema(_))));
    ensure(is_refused, || format!("a program with the dropped index gets {refused:?}"))?;
    verified(&other)
}

fn dropped_table<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let (one, other) = (open(engine)?, open(engine)?);
    let rows = one.table::<Dropped>().map_err(described)?;
    rows.iter().remove_all().map_err(described)?;
    for start in (0..120u64).step_by(10) {
        rows.insert_many((start..start + 10).map(Dropped::numbered)).map_err(described)?;
    }
    let theirs = other.table::<Dropped>().map_err(described)?;
    ensure(theirs.len().map_err(described)? == 120, || "another client sees other rows".to_owned())?;
    ensure(one.drop_table("conformance_dropped").map_err(described)?, || "there was no table".to_owned())?;
    let refused = theirs.insert(&Dropped::numbered(500));
    ensure(matches!(refused, Err(Error::Dropped)), || format!("a write to a dropped table is {refused:?}"))?;
    ensure(theirs.is_empty().map_err(described)?, || "a dropped table has rows".to_owned())?;
    let again = other.table::<Dropped>().map_err(described)?;
    again.insert(&Dropped::numbered(7)).map_err(described)?;
    ensure(again.len().map_err(described)? == 1, || "a table that was made again has old rows".to_owned())?;
    verified(&other)
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "conformance_numbered")]
struct Numbered {
    #[primary_key(auto)]
    id: u64,
    #[index]
    client: u64,
}

fn generated_keys<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let clients = [open(engine)?, open(engine)?];
    let mut keys = Vec::new();
    for round in 0..12 {
        for (client, db) in (0u64..).zip(&clients) {
            let rows = db.table::<Numbered>().map_err(described)?;
            let key = rows.insert_new(&Numbered { id: 0, client }).map_err(described)?;
            keys.push(key);
            if round % 3 == 2 {
                // The number of a removed row never comes again.
                rows.remove(key).map_err(described)?;
            }
        }
    }
    let mut distinct = keys.clone();
    distinct.sort_unstable();
    distinct.dedup();
    ensure(distinct.len() == keys.len(), || "a generated key has come twice".to_owned())?;
    verified(&clients[0])
}

fn keyspaces<E: Engine + Serializable + Clone>(engine: &E, _: &Options) -> Outcome {
    let (one, other) = (open(engine)?, open(engine)?);
    let name = unique_name("space");
    let space = one.keyspace(&name).map_err(described)?;
    let theirs = other.keyspace(&name).map_err(described)?;
    std::thread::scope(|scope| {
        for space in [&space, &theirs] {
            scope.spawn(move || (0..20).try_for_each(|_| space.add("count", 1)));
        }
    });
    let sum = space.get_sum("count").map_err(described)?;
    ensure(sum == 40, || format!("40 additions make {sum}"))?;
    for key in ["a", "b", "c", "d"] {
        space.put(key, key).map_err(described)?;
    }
    theirs.remove_range("b".."d").map_err(described)?;
    let left: Result<Vec<_>, _> =
        space.range("a"..="d").rev().map(|entry| entry.map(|(key, _)| key)).collect();
    let left = left.map_err(described)?;
    ensure(left == [b"d".to_vec(), b"a".to_vec()], || {
        format!("after the removal of a range {left:?} is left")
    })?;
    one.transact(|tx| {
        let space = tx.keyspace(&name)?;
        space.remove("a")?;
        space.put("e", "e")?;
        space.remove_range("d".."e")
    })
    .map_err(described)?;
    let count = theirs.len().map_err(described)?;
    ensure(count == 1, || format!("{count} keys are left instead of 1"))?;
    ensure(one.drop_keyspace(&name).map_err(described)?, || "there was no keyspace".to_owned())?;
    let refused = theirs.put("x", "x");
    ensure(matches!(refused, Err(Error::Dropped)), || format!("a write to a dropped keyspace is {refused:?}"))
}
