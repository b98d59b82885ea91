//! The error type of a transaction's closure, as a bound with a message of our own.
//!
//! `transact` could ask for `FnMut(&Transaction) -> Result<R>` alone. Then a closure with an error
//! type of its own would be refused in terms of inference. The only implementation below fixes the
//! error type of a closure whose body leaves it open.
//!
//! The return type as a whole could be left open as well, and an async block get a message. But
//! then a body without `Ok(())` at its end would be an error for each `?` in it, instead of one.

use crate::error::Error;

/// A closure that [`Database::transact`](crate::Database::transact) runs: one that returns a
/// [`Result`](crate::Result) with the error of this library.
#[diagnostic::on_unimplemented(
    message = "the error of a `transact` is a `walnut::Error`, and this body returns a `{E}`",
    label = "the error of this body is of another type",
    note = "call `try_transact`: it takes a body with any error type that is `From<walnut::Error>`"
)]
pub trait TransactionBody<E> {}

impl<F> TransactionBody<Error> for F {}
