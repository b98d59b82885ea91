//! Results: what was measured, in files and for people.

mod chart;
mod table;

use serde::{Deserialize, Serialize};

pub use chart::chart;
pub use table::markdown;

use crate::limits::Limits;
use crate::work::rows::Row;

/// Everything about a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// Rows of the data set.
    pub rows: u64,
    /// Rounds.
    pub rounds: u32,
    /// Seconds of each measurement.
    pub seconds: f64,
    /// Bytes of cache of each engine.
    pub cache_size: usize,
    /// What was to be said about the run.
    pub note: String,
    /// What the machine can do.
    pub limits: Limits,
    /// The engines, in the order of the columns.
    pub engines: Vec<String>,
    /// What was measured.
    pub figures: Vec<Measured>,
    /// What failed.
    pub failures: Vec<String>,
}

/// What one process measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Its round, from 0.
    pub round: u32,
    /// Its engine.
    pub engine: String,
    /// Names and values.
    pub figures: Vec<(String, f64)>,
}

/// The engine that the others are compared with.
const OURS: &str = "walnut";

impl Results {
    /// The median of a row's figures on an engine; `None` when there are none.
    pub fn median(&self, engine: &str, row: &Row) -> Option<f64> {
        let of_engine = self.figures.iter().filter(|measured| measured.engine == engine);
        let figures = of_engine.flat_map(|measured| &measured.figures);
        let mut values: Vec<f64> =
            figures.filter(|(name, _)| name == row.name).map(|&(_, value)| value).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        match values.len() {
            0 => None,
            count if count % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
            _ => Some(values[middle]),
        }
    }

    /// The best peer in a row, and by what factor Walnut is better than it.
    pub fn best_peer(&self, row: &Row) -> Option<(&str, f64)> {
        let ours = self.median(OURS, row)?;
        let peers = self.engines.iter().filter(|engine| *engine != OURS);
        let ratios = peers.filter_map(|peer| Some((peer.as_str(), row.ratio(ours, self.median(peer, row)?))));
        ratios.min_by(|one, other| one.1.total_cmp(&other.1))
    }
}
