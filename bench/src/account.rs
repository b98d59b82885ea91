//! The row that every engine stores, and how the rows of a data set follow from their numbers.
//!
//! ```text
//! number 0, 1, 2, ..  ->  id = 2 * number (odd ids are missing keys between present ones)
//!                         email, city, score: scattered over their ranges by a hash of the number
//! ```
//!
//! A row is about 175 bytes in postcard. Everything but the score follows from the number, so whatever an engine gives back
//! can be checked.

use serde::{Deserialize, Serialize};
use walnut::Table;

use crate::random::mix;

/// How many cities there are: an equality look-up finds one row in so many.
pub const CITY_COUNT: u64 = 1000;

/// Scores are below this.
pub const SCORE_LIMIT: u64 = 1 << 40;

/// A row: one unique and two plain indexes.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "accounts")]
pub struct Account {
    /// Twice its number.
    #[primary_key]
    pub id: u64,
    /// Its own.
    #[index(unique)]
    pub email: String,
    /// One of [`CITY_COUNT`].
    #[index]
    pub city: String,
    /// What updates change.
    #[index]
    pub score: u64,
    /// Not indexed, as all that follows.
    pub name: String,
    /// Some prose.
    pub about: String,
    /// Seconds.
    pub created: i64,
    /// Cents.
    pub balance: i64,
    /// A flag.
    pub active: bool,
}

const WORDS: [&str; 32] = [
    "walnut", "river", "stone", "paper", "window", "silver", "garden", "mountain", "yellow", "quiet",
    "market", "bridge", "copper", "island", "morning", "winter", "letter", "engine", "harbour", "meadow",
    "lantern", "orchard", "thunder", "velvet", "cedar", "amber", "castle", "desert", "forest", "valley",
    "summer", "cloud",
];

impl Account {
    /// The row with this number, as it is loaded.
    pub fn numbered(number: u64) -> Self {
        let hash = mix(number);
        let about: Vec<&str> = (0..14).map(|place| word(mix(hash ^ place))).collect();
        Self {
            id: id(number),
            email: email(number),
            city: city(hash % CITY_COUNT),
            score: mix(hash) % SCORE_LIMIT,
            name: format!("{} {}", word(hash >> 8), word(hash >> 16)),
            about: about.join(" "),
            created: 1_700_000_000 + i64::from((hash >> 40) as u32),
            balance: i64::from((hash >> 32) as i32),
            active: hash & 1 == 1,
        }
    }

    /// Whether this is the row with a number, with any score.
    pub fn is(&self, number: u64) -> bool {
        self.id == id(number) && self.email == email(number) && self.created == Self::created(number)
    }

    fn created(number: u64) -> i64 {
        1_700_000_000 + i64::from((mix(number) >> 40) as u32)
    }
}

/// The id of the row with a number.
pub fn id(number: u64) -> u64 {
    2 * number
}

/// The email of the row with a number.
pub fn email(number: u64) -> String {
    format!("{:016x}@example.org", mix(number))
}

/// The name of a city.
pub fn city(number: u64) -> String {
    format!("city-{number:04}")
}

fn word(hash: u64) -> &'static str {
    WORDS[hash as usize % WORDS.len()]
}
