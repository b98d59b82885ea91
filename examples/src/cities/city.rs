//! The row.

use serde::{Deserialize, Serialize};
use walnut::Table;

/// A city, as the fields of `examples/data/cities.tsv` describe it.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "cities")]
#[index(country_population = (country, population))]
pub struct City {
    /// GeoNames' number.
    #[primary_key]
    pub id: u32,
    /// A readable name that no other city has, such as `paris-fr`.
    #[index(unique)]
    pub slug: String,
    /// The name in Latin letters.
    #[index]
    pub name: String,
    /// The two letters of ISO 3166-1.
    pub country: String,
    /// The first administrative division of the country.
    pub region: Option<String>,
    /// Degrees, north is positive.
    pub latitude: f64,
    /// Degrees, east is positive.
    pub longitude: f64,
    /// Inhabitants.
    #[index]
    pub population: u32,
    /// The name in the IANA time zone database.
    #[index]
    pub timezone: String,
}
