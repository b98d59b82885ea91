//! A table with a numbered key and an index of every kind.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Result, Table, WriteAccess};

use super::{Row, TEXTS, Value, Valued, Via, note, number};
use crate::query::{Answer, Narrow, Shape};
use crate::random::Random;

/// A row with a numbered key and an index of every kind.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "users")]
#[index(city_age = (city, age))]
#[index(login = (tenant, email), unique)]
#[index(seat = (tenant, badge), unique)]
pub struct User {
    /// The key.
    #[primary_key]
    pub id: u64,
    /// Part of a unique pair.
    pub email: String,
    /// Repeats often.
    #[index]
    pub age: u8,
    /// Unique where there is one.
    #[index(unique)]
    pub phone: Option<String>,
    /// Text to be searched by its beginning.
    #[index]
    pub name: String,
    /// Unique.
    #[index(unique)]
    pub nick: String,
    /// The first column of a pair.
    pub city: String,
    /// The first column of two unique pairs.
    pub tenant: u32,
    /// A missing part of a unique pair, or a number below zero.
    pub badge: Option<i32>,
    /// Text that nobody searches; a large one spills over blocks.
    pub note: String,
}

impl Row for User {
    fn draw(random: &mut Random) -> Self {
        Self {
            id: random.below(14),
            email: (*random.pick(&TEXTS)).to_owned(),
            age: number(random, 5),
            phone: (!random.one_in(3)).then(|| (*random.pick(&TEXTS)).to_owned()),
            name: (*random.pick(&TEXTS)).to_owned(),
            nick: format!("{}{}", random.pick(&TEXTS), random.below(4)),
            city: (*random.pick(&TEXTS[..4])).to_owned(),
            tenant: number(random, 3),
            badge: (!random.one_in(3)).then(|| number::<i32>(random, 9) - 4),
            note: note(random),
        }
    }

    fn primary_key(&self) -> u64 {
        self.id
    }

    fn point(key: &u64) -> u64 {
        *key
    }

    fn indexed(&self, index: &str) -> Value {
        match index {
            "city_age" => (self.city.clone(), self.age).value(),
            "login" => (self.tenant, self.email.clone()).value(),
            "seat" => (self.tenant, self.badge).value(),
            "age" => self.age.value(),
            "phone" => self.phone.value(),
            "name" => self.name.value(),
            "nick" => self.nick.value(),
            other => panic!("no index {other}"),
        }
    }

    fn absorb(&mut self, donor: &Self, fields: u32) {
        let donor = donor.clone();
        let has = |bit: u32| fields & (1 << bit) != 0;
        if has(0) {
            self.id = donor.id;
        }
        if has(1) {
            self.email = donor.email;
        }
        if has(2) {
            self.age = donor.age;
        }
        if has(3) {
            self.phone = donor.phone;
        }
        if has(4) {
            self.name = donor.name;
        }
        if has(5) {
            self.nick = donor.nick;
        }
        if has(6) {
            self.city = donor.city;
        }
        if has(7) {
            self.tenant = donor.tenant;
        }
        if has(8) {
            self.badge = donor.badge;
        }
        if has(9) {
            self.note = donor.note;
        }
    }

    fn via<A: WriteAccess>(
        table: &DefaultTable<Self, A>,
        index: &str,
        probe: &Self,
        how: Via<'_, Self>,
    ) -> Result<Option<Self>> {
        let by = table.by();
        macro_rules! via {
            ($handle:expr, $point:expr) => {
                match how {
                    Via::Get => $handle.get($point),
                    Via::Modify(change) => $handle.modify($point, change),
                    Via::Remove => $handle.remove($point),
                }
            };
        }
        match index {
            "login" => via!(by.login, (probe.tenant, probe.email.as_str())),
            "seat" => via!(by.seat, (probe.tenant, probe.badge)),
            "phone" => via!(by.phone, probe.phone.as_deref()),
            "nick" => via!(by.nick, probe.nick.as_str()),
            other => panic!("no unique index {other}"),
        }
    }

    fn contains_via<A: Access>(table: &DefaultTable<Self, A>, index: &str, probe: &Self) -> Result<bool> {
        let by = table.by();
        match index {
            "login" => by.login.contains((probe.tenant, &probe.email)),
            "seat" => by.seat.contains((probe.tenant, probe.badge)),
            "phone" => by.phone.contains(probe.phone.as_deref()),
            "nick" => by.nick.contains(&probe.nick),
            other => panic!("no unique index {other}"),
        }
    }

    fn scan<A: Access>(
        table: &DefaultTable<Self, A>,
        index: &str,
        narrow: &Narrow<Self>,
        shape: &Shape,
    ) -> Result<Answer<Self>> {
        let by = table.by();
        match index {
            "age" => scan_column!(narrow, shape, by.age, row => row.age, row.age, by.age.all(row.age)),
            "phone" => {
                let whole = |row: &Self| by.phone.all(row.phone.as_deref());
                scan_column!(narrow, shape, by.phone, row => row.phone.as_deref(), row.phone.clone(), whole(row))
            }
            "name" => {
                scan_column!(narrow, shape, by.name, row => &row.name, &row.name, by.name.starts_with(&row.name))
            }
            "nick" => {
                scan_column!(narrow, shape, by.nick, row => &row.nick, &row.nick, by.nick.starts_with(&row.nick))
            }
            "city_age" => {
                scan_pair!(narrow, shape, by.city_age, row => (&row.city, row.age), (row.city.clone(), row.age))
            }
            "login" => {
                scan_pair!(narrow, shape, by.login, row => (row.tenant, &row.email), (row.tenant, row.email.clone()))
            }
            "seat" => {
                scan_pair!(narrow, shape, by.seat, row => (row.tenant, row.badge), (row.tenant, row.badge))
            }
            other => panic!("no index {other}"),
        }
    }
}
