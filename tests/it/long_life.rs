//! The long life of a table with every kind of index: statements that succeed and fail, transactions, removal by a scan, with
//! reopening, crashes and changes of its struct in between, each step compared with a model.
//!
//! A million steps: `WALNUT_STEPS=1000000 cargo test --release -p walnut-tests --test it long_life::`; `WALNUT_SEED` for another life.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::{CrashPolicy, MemoryEnv, Operations};
use walnut::{Background, Database, DefaultTable, Error, Key, NoCase, Result, Table, TableMapper};
use walnut_tests::random::Random;

type Model = BTreeMap<u16, full::Thing>;

/// The struct with every kind of index.
mod full {
    use super::{Deserialize, Kind, Serialize, Table};

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "things")]
    #[index(city_age = (city, age))]
    #[index(seat = (tenant, badge), unique)]
    #[index(recent = (tenant, desc(created)))]
    #[index(tagged = (age, each(tags)))]
    #[index(first: char = Thing::first)]
    pub(crate) struct Thing {
        #[primary_key]
        pub(crate) id: u16,
        #[index(unique, nocase)]
        pub(crate) name: String,
        #[index]
        pub(crate) age: u8,
        #[index(unique)]
        pub(crate) phone: Option<String>,
        #[index(each)]
        pub(crate) tags: Vec<String>,
        #[index(sparse)]
        pub(crate) badge: Option<i32>,
        #[index]
        pub(crate) kind: Kind,
        #[index]
        pub(crate) weight: i8,
        pub(crate) city: String,
        pub(crate) tenant: u32,
        pub(crate) created: i64,
        pub(crate) note: String,
    }

    impl Thing {
        pub(crate) fn first(&self) -> Option<char> {
            self.city.chars().next()
        }
    }
}

/// The same rows: some indexes are gone, one is changed, one renamed, all in another order. What is unique stays so.
mod half {
    use super::{Deserialize, Kind, Serialize, Table};

    #[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[table(name = "things")]
    #[index(recent = (tenant, created))]
    #[index(seat = (tenant, badge), unique)]
    #[index(heavy = (weight, age))]
    pub(crate) struct Thing {
        #[primary_key]
        pub(crate) id: u16,
        #[index(unique, nocase)]
        pub(crate) name: String,
        #[index]
        pub(crate) age: u8,
        #[index(unique)]
        pub(crate) phone: Option<String>,
        pub(crate) tags: Vec<String>,
        pub(crate) badge: Option<i32>,
        pub(crate) kind: Kind,
        pub(crate) weight: i8,
        pub(crate) city: String,
        pub(crate) tenant: u32,
        pub(crate) created: i64,
        pub(crate) note: String,
    }
}

#[derive(Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Guest,
    Admin,
}

macro_rules! same_fields {
    ($from:ty => $to:ty) => {
        impl From<$from> for $to {
            fn from(row: $from) -> Self {
                let (id, name, age, phone, tags, badge) =
                    (row.id, row.name, row.age, row.phone, row.tags, row.badge);
                let (kind, weight, city, tenant, created, note) =
                    (row.kind, row.weight, row.city, row.tenant, row.created, row.note);
                Self { id, name, age, phone, tags, badge, kind, weight, city, tenant, created, note }
            }
        }
    };
}

same_fields!(full::Thing => half::Thing);
same_fields!(half::Thing => full::Thing);

/// Either struct.
trait Thing: TableMapper<PrimaryKey = u16> + From<full::Thing> + Into<full::Thing> + Clone {
    fn remove_by_phone(table: &DefaultTable<Self>, phone: Option<&str>) -> Result<Option<Self>>;
    fn modify_by_name(
        table: &DefaultTable<Self>,
        name: &str,
        change: impl FnMut(&mut full::Thing),
    ) -> Result<Option<Self>>;
    fn remove_ages(table: &DefaultTable<Self>, from: u8, to: u8, limit: u64) -> Result<u64>;
    /// Compares its indexes with the rows.
    fn compare(table: &DefaultTable<Self>, model: &Model) -> Result<()>;
}

macro_rules! same {
    ($by:ident, $model:ident: $($index:ident, |$row:ident| $keys:expr;)*) => {$(
        let found = $by.$index.iter().keys().collect::<Result<Vec<_>>>()?;
        let expected: BTreeSet<_> =
            $model.values().flat_map(|$row| $keys.into_iter().map(|key| (key, $row.id))).collect();
        let expected: Vec<u16> = expected.into_iter().map(|entry| entry.1).collect();
        assert_eq!(found, expected, "{}", stringify!($index));
        let mut pages = Vec::new();
        let mut page = $by.$index.iter().rev().page(7, None)?;
        loop {
            pages.extend(page.rows.iter().map(|row| row.id));
            let Some(next) = page.next else { break };
            page = $by.$index.iter().rev().page(7, Some(next))?;
        }
        assert!(pages.iter().eq(expected.iter().rev()), "pages of {}", stringify!($index));
    )*};
}

macro_rules! thing {
    ($thing:ty: $($index:ident, |$row:ident| $keys:expr;)*) => {
        impl Thing for $thing {
            fn remove_by_phone(table: &DefaultTable<Self>, phone: Option<&str>) -> Result<Option<Self>> {
                table.by().phone.remove(phone)
            }

            fn modify_by_name(
                table: &DefaultTable<Self>,
                name: &str,
                mut change: impl FnMut(&mut full::Thing),
            ) -> Result<Option<Self>> {
                table.by().name.modify(name, |row| {
                    let mut changed = row.clone().into();
                    change(&mut changed);
                    *row = changed.into();
                })
            }

            fn remove_ages(table: &DefaultTable<Self>, from: u8, to: u8, limit: u64) -> Result<u64> {
                table.by().age.range(from..to).limit(limit).remove_all()
            }

            fn compare(table: &DefaultTable<Self>, model: &Model) -> Result<()> {
                let by = table.by();
                same!(by, model:
                    name, |row| [fold(&row.name)];
                    age, |row| [row.age];
                    phone, |row| [row.phone.clone()];
                    seat, |row| [(row.tenant, row.badge)];
                    $($index, |$row| $keys;)*
                );
                let rows = table.iter().collect_vec()?.into_iter().map(Into::into);
                assert_eq!(rows.collect::<Vec<full::Thing>>(), model.values().cloned().collect::<Vec<_>>());
                Ok(())
            }
        }
    };
}

thing! { full::Thing:
    city_age, |row| [(row.city.clone(), row.age)];
    recent, |row| [(row.tenant, Reverse(row.created))];
    tagged, |row| row.tags.iter().map(|tag| (row.age, tag.clone())).collect::<Vec<_>>();
    first, |row| row.first();
    tags, |row| row.tags.clone();
    badge, |row| row.badge;
    kind, |row| [row.kind];
    weight, |row| [row.weight];
}

thing! { half::Thing:
    recent, |row| [(row.tenant, row.created)];
    heavy, |row| [(row.weight, row.age)];
}

fn fold(text: &str) -> String {
    NoCase::new(text).into_inner()
}

fn draw(random: &mut Random) -> full::Thing {
    let number = |random: &mut Random, end| u8::try_from(random.below(end)).unwrap();
    let texts = ["", "a", "A", "a\0", "ß", "SS", "Ω"];
    full::Thing {
        id: u16::from(number(random, 40)),
        name: format!("{}{}", random.pick(&texts), random.below(12)),
        age: number(random, 6),
        phone: (!random.one_in(3)).then(|| format!("{}{}", random.pick(&texts), random.below(9))),
        tags: (0..random.below(4)).map(|_| (*random.pick(&texts)).to_owned()).collect(),
        badge: (!random.one_in(3)).then(|| i32::from(number(random, 30)) - 15),
        kind: if random.one_in(2) { Kind::Guest } else { Kind::Admin },
        weight: i8::try_from(random.below(9)).unwrap() - 4,
        city: (*random.pick(&texts)).to_owned(),
        tenant: number(random, 4).into(),
        created: i64::from(number(random, 7)) - 3,
        note: "n".repeat(usize::from(number(random, 60))),
    }
}

/// Whether a row can stand beside the others.
fn fits(model: &Model, row: &full::Thing) -> bool {
    model.values().filter(|other| other.id != row.id).all(|other| {
        fold(&other.name) != fold(&row.name)
            && (row.phone.is_none() || other.phone != row.phone)
            && (row.badge.is_none() || (other.tenant, other.badge) != (row.tenant, row.badge))
    })
}

/// Does a statement to table and model, and compares what comes of it. An error is one of the machine; the model is then as if
/// the statement had happened.
fn step<T: Thing>(
    db: &Database,
    table: &DefaultTable<T>,
    model: &mut Model,
    random: &mut Random,
) -> Result<()> {
    let row = draw(random);
    let put = |model: &mut Model, row: &full::Thing, may: bool, told: Result<bool>| match told {
        Ok(done) => {
            assert!(may && fits(model, row), "{row:?} was taken");
            if done {
                model.insert(row.id, row.clone());
            }
            Ok(())
        }
        Err(Error::UniqueViolation(_) | Error::NotFound) => {
            assert!(!may || !fits(model, row), "{row:?} was refused");
            Ok(())
        }
        Err(error) => {
            if may && fits(model, row) {
                model.insert(row.id, row.clone());
            }
            Err(error)
        }
    };
    let is_there = model.contains_key(&row.id);
    match random.below(10) {
        0 => put(model, &row, !is_there, table.insert(&row.clone().into()).map(|()| true)),
        1..4 => put(model, &row, true, table.upsert(&row.clone().into()).map(|_| true)),
        4 => put(model, &row, is_there, table.replace(&row.clone().into()).map(|_| true)),
        5 => {
            let old = model.remove(&row.id);
            assert_eq!(table.remove(row.id)?.map(Into::into), old);
            Ok(())
        }
        6 => {
            let owner = model
                .values()
                .find(|other| row.phone.is_some() && other.phone == row.phone)
                .map(|row| row.id);
            let old = owner.and_then(|id| model.remove(&id));
            assert_eq!(T::remove_by_phone(table, row.phone.as_deref())?.map(Into::into), old);
            Ok(())
        }
        7 => {
            let owner = model.values().find(|other| fold(&other.name) == fold(&row.name)).cloned();
            let told = T::modify_by_name(table, &row.name, |old| old.phone.clone_from(&row.phone));
            let Some(mut owner) = owner else {
                return told.map(|row| assert!(row.is_none(), "nobody has it"));
            };
            owner.phone.clone_from(&row.phone);
            put(model, &owner, true, told.map(|row| row.is_some()))
        }
        8 => {
            let (from, limit) = (row.age, random.below(4));
            let mut rows: Vec<_> = model.values().filter(|row| (from..from + 2).contains(&row.age)).collect();
            rows.sort_by_key(|row| (row.age, row.id));
            let ids: Vec<u16> = rows.iter().take(usize::try_from(limit).unwrap()).map(|row| row.id).collect();
            model.retain(|id, _| !ids.contains(id));
            assert_eq!(T::remove_ages(table, from, from + 2, limit)?, ids.len() as u64);
            Ok(())
        }
        _ => transaction::<T>(db, model, random),
    }
}

/// Several statements together, of which some fail, committed or not.
fn transaction<T: Thing>(db: &Database, model: &mut Model, random: &mut Random) -> Result<()> {
    let rows: Vec<_> = (0..3).map(|_| draw(random)).collect();
    let gives_up = random.one_in(3);
    let mut after = model.clone();
    let told = db.transact(|tx| {
        let table = tx.table::<T>()?;
        after = model.clone();
        for row in &rows {
            match table.upsert(&row.clone().into()) {
                Ok(_) => {
                    assert!(fits(&after, row));
                    after.insert(row.id, row.clone());
                }
                Err(Error::UniqueViolation(_)) => assert!(!fits(&after, row)),
                Err(error) => return Err(error),
            }
        }
        assert_eq!(table.len()?, after.len() as u64);
        if gives_up { Err(Error::abort(())) } else { Ok(()) }
    });
    match told {
        Ok(()) => *model = after,
        Err(Error::Abort(_)) => {}
        Err(error) => {
            // The power may have gone after the commit was durable.
            if !gives_up {
                *model = after;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Lives for some steps with one of the structs, perhaps until the power goes; then what is left is one of two states.
fn live<T: Thing>(env: &MemoryEnv, model: &mut Model, steps: usize, random: &mut Random) -> MemoryEnv {
    let open = |env: &MemoryEnv| {
        let builder =
            Database::builder().background(Background::Manual).memtable_size(16 << 10).block_size(512);
        let db = builder.max_sst_size(8 << 10).env(Arc::new(env.clone())).open("/db")?;
        Ok::<_, Error>((db.table::<T>()?, db))
    };
    let crashes = random.one_in(3);
    if crashes {
        env.power_off_before_next(Operations::Mutations, random.below(steps as u64 * 4));
    }
    let (mut before, mut after) = (model.clone(), model.clone());
    let mut run = || {
        let (table, db) = open(env)?;
        for _ in 0..steps {
            before.clone_from(&after);
            step(&db, &table, &mut after, random)?;
        }
        db.close()
    };
    let outcome: Result<()> = run();
    assert!(outcome.is_ok() || env.is_off(), "{outcome:?}");
    // What was closed is durable, whatever happens then.
    let env = env.crash(*random.pick(&CrashPolicy::ALL), random.next());
    let (table, db) = open(&env).unwrap();
    let rows = table.iter().collect_vec().unwrap().into_iter().map(Into::into);
    let found: Model = rows.map(|row: full::Thing| (row.id, row)).collect();
    if outcome.is_ok() {
        assert_eq!(found, after);
    } else {
        // The statement that the power cut short happened, all of it, or did not.
        assert!(found == after || found == before, "neither before nor after the last statement");
    }
    T::compare(&table, &found).unwrap();
    db.verify().unwrap();
    db.close().unwrap();
    *model = found;
    env
}

#[test]
fn a_table_of_every_kind_of_index_lives_in_step_with_its_model() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<usize>().expect("a number"));
    let (steps, seed) = (number("WALNUT_STEPS").unwrap_or(20_000), number("WALNUT_SEED").unwrap_or(1));
    let mut random = Random::new(seed as u64, "long life");
    let (mut env, mut model, mut lived) = (MemoryEnv::with_seed(seed as u64), Model::new(), 0);
    while lived < steps {
        let some = 100 + usize::try_from(random.below(300)).unwrap();
        env = if random.one_in(3) {
            live::<half::Thing>(&env, &mut model, some, &mut random)
        } else {
            live::<full::Thing>(&env, &mut model, some, &mut random)
        };
        lived += some;
    }
}
