//! The filters of a scan, as types, so that they may borrow and cost no call through a pointer.

/// Decides which rows a scan gives; made by [`Scan::filter`](super::Scan::filter).
pub trait RowFilter<T> {
    /// How many filters there are.
    #[doc(hidden)]
    const COUNT: usize;

    /// Whether the filter at a place, counted in the order in which they were added, lets the row through.
    #[doc(hidden)]
    fn keeps(&mut self, place: usize, row: &T) -> bool;
}

/// No filter.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl<T> RowFilter<T> for Everything {
    const COUNT: usize = 0;

    fn keeps(&mut self, _place: usize, _row: &T) -> bool {
        true
    }
}

/// The same filters, lent.
impl<T, F: RowFilter<T>> RowFilter<T> for &mut F {
    const COUNT: usize = F::COUNT;

    fn keeps(&mut self, place: usize, row: &T) -> bool {
        F::keeps(self, place, row)
    }
}

/// A filter after others.
#[derive(Clone, Copy, Debug)]
pub struct And<F, P> {
    pub(super) before: F,
    pub(super) last: P,
}

impl<T, F: RowFilter<T>, P: FnMut(&T) -> bool> RowFilter<T> for And<F, P> {
    const COUNT: usize = F::COUNT + 1;

    fn keeps(&mut self, place: usize, row: &T) -> bool {
        if place == F::COUNT { (self.last)(row) } else { self.before.keeps(place, row) }
    }
}
