//! The integration tests.

// What the derives write, at work in a database.
mod derived;
// The rules of the source tree: storeys, sizes, heads, words.
mod house;
// What the derives accept, and what they say of what they do not.
mod ui;

// Random workloads against the model, with crashes at every sync: Rule P.
mod lockstep;
