//! Queries: which rows of a table, in which order.

use std::cmp::Ordering;

use super::value::Value;

/// Which rows a [`DynamicTable`](super::DynamicTable) returns, and in which order.
///
/// A query goes by the primary key or by an index: first come the values that its first parts have
/// ([`prefix`](Self::prefix)), then the bounds of the next part, as text
/// ([`starts_with`](Self::starts_with)) or as values ([`from`](Self::from), [`to`](Self::to)).
///
/// ```
/// use walnut::dynamic::{Comparison, Query};
///
/// let query = Query::index("city_age").prefix("Paris").from(18).rev().limit(20);
/// let older = Query::all().matching("age", Comparison::Above, 90);
/// # let _ = (query, older);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a query reads nothing by itself"]
pub struct Query {
    pub(super) index: Option<String>,
    pub(super) prefix: Vec<Value>,
    pub(super) start_text: Option<String>,
    pub(super) lower: Option<Bound>,
    pub(super) upper: Option<Bound>,
    pub(super) reverse: bool,
    pub(super) skip: u64,
    pub(super) limit: Option<u64>,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) value: Value,
    pub(super) is_included: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) column: String,
    pub(super) comparison: Comparison,
    pub(super) value: Value,
}

/// How a column is compared with a value, as [`Value::compare`] compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// The same value.
    Equal,
    /// Another value.
    Unequal,
    /// Less.
    Below,
    /// Less, or the same.
    AtMost,
    /// Greater.
    Above,
    /// Greater, or the same.
    AtLeast,
    /// A text with this text in it, or a list with this element.
    Contains,
}

impl Query {
    /// Whether it is of all rows of the table, in either direction.
    pub(super) fn is_all(&self) -> bool {
        let Self { index, prefix, start_text, lower, upper, reverse: _, skip, limit, conditions } = self;
        index.is_none()
            && prefix.is_empty()
            && start_text.is_none()
            && lower.is_none()
            && upper.is_none()
            && *skip == 0
            && limit.is_none()
            && conditions.is_empty()
    }

    /// All rows, in the order of the primary key.
    pub fn all() -> Self {
        Self::default()
    }

    /// The rows of an index, in its order.
    pub fn index(name: impl Into<String>) -> Self {
        Self { index: Some(name.into()), ..Self::default() }
    }

    /// Only rows whose next part has this value; once more for the part after it.
    pub fn prefix(mut self, value: impl Into<Value>) -> Self {
        self.prefix.push(value.into());
        self
    }

    /// Only rows in which the next part is text that begins with this one.
    pub fn starts_with(mut self, text: impl Into<String>) -> Self {
        self.start_text = Some(text.into());
        self
    }

    /// Only rows in which the next part has this value or a greater one.
    pub fn from(mut self, value: impl Into<Value>) -> Self {
        self.lower = Some(Bound { value: value.into(), is_included: true });
        self
    }

    /// Only rows in which the next part has a greater value.
    pub fn after(mut self, value: impl Into<Value>) -> Self {
        self.lower = Some(Bound { value: value.into(), is_included: false });
        self
    }

    /// Only rows in which the next part has this value or a lesser one.
    pub fn to(mut self, value: impl Into<Value>) -> Self {
        self.upper = Some(Bound { value: value.into(), is_included: true });
        self
    }

    /// Only rows in which the next part has a lesser value.
    pub fn before(mut self, value: impl Into<Value>) -> Self {
        self.upper = Some(Bound { value: value.into(), is_included: false });
        self
    }

    /// Only rows whose column compares with a value in this way. A row without the column, or with
    /// a value that does not compare, is left out. Rows that are left out are read all the same.
    pub fn matching(
        mut self,
        column: impl Into<String>,
        comparison: Comparison,
        value: impl Into<Value>,
    ) -> Self {
        self.conditions.push(Condition { column: column.into(), comparison, value: value.into() });
        self
    }

    /// Reverses the order; twice is as before.
    pub fn rev(mut self) -> Self {
        self.reverse = !self.reverse;
        self
    }

    /// Passes over this number of rows that would be returned. Each is read.
    pub fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// At most this number of rows.
    pub fn limit(mut self, count: u64) -> Self {
        self.limit = Some(count);
        self
    }
}

impl Condition {
    /// Whether a row with this column meets the condition.
    pub(super) fn is_met(&self, column: &Value) -> bool {
        if self.comparison == Comparison::Contains {
            return match (column, &self.value) {
                (Value::Text(text), Value::Text(part)) => text.contains(&**part),
                (Value::List(values), part) => values.iter().any(|value| is_equal(value, part)),
                (Value::Map(entries), part) => entries.iter().any(|(key, _)| is_equal(key, part)),
                _ => false,
            };
        }
        if matches!(self.comparison, Comparison::Equal) {
            return is_equal(column, &self.value);
        }
        if matches!(self.comparison, Comparison::Unequal) {
            return !is_equal(column, &self.value);
        }
        // A missing value is neither more nor less than anything.
        if column.is_null() || self.value.is_null() {
            return false;
        }
        column.compare(&self.value).is_some_and(|order| match self.comparison {
            Comparison::Below => order == Ordering::Less,
            Comparison::AtMost => order != Ordering::Greater,
            Comparison::Above => order == Ordering::Greater,
            Comparison::AtLeast => order != Ordering::Less,
            Comparison::Equal | Comparison::Unequal | Comparison::Contains => false,
        })
    }
}

fn is_equal(one: &Value, other: &Value) -> bool {
    one.compare(other).map_or_else(|| one == other, |order| order == Ordering::Equal)
}
