//! Diagnostics of one macro call: collected, never thrown.
//!
//! ```text
//! attr, ast, check ──add──> Faults ──finish──> Ok(()) or one compile_error! for each fault
//! ```
//!
//! 1. Parsing continues after a fault, so that all faults of a struct are reported at once.
//! 2. Faults must be finished before they are dropped; a debug build panics otherwise.
//! 3. The error for an unknown word lists the known words.
//!
//! What is a fault is decided elsewhere; this module only words it.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use syn::Ident;

#[derive(Default)]
pub(crate) struct Faults {
    list: Vec<syn::Error>,
    finished: bool,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: syn::Error) {
        self.list.push(fault);
    }

    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The errors to emit, if there are any.
    pub(crate) fn finish(mut self) -> Result<(), TokenStream> {
        self.finished = true;
        if self.list.is_empty() {
            return Ok(());
        }
        Err(self.list.iter().map(syn::Error::to_compile_error).collect())
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        debug_assert!(self.finished || std::thread::panicking(), "the faults were never looked at");
    }
}

/// The error for a word that is unknown in `place`, where `words` are known.
pub(crate) fn unknown_word(word: &Ident, place: &str, words: &[&str]) -> syn::Error {
    let there_are = match words {
        [] => "no words".to_owned(),
        [only] => format!("`{only}` alone"),
        _ => quoted(words),
    };
    let guess = did_you_mean(&word.to_string(), words);
    syn::Error::new(word.span(), format!("unknown word `{word}`{guess} ({place} knows {there_are})"))
}

/// `, did you mean ...?` if a candidate is similar, or nothing.
pub(crate) fn did_you_mean(word: &str, candidates: &[&str]) -> String {
    nearest(word, candidates).map_or_else(String::new, |it| format!(", did you mean `{it}`?"))
}

/// The most similar candidate, if it is similar enough.
pub(crate) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let allowed = (word.chars().count() / 3).max(1);
    let nearest = candidates.iter().map(|candidate| (distance(word, candidate), *candidate)).min();
    nearest.filter(|(distance, _)| *distance <= allowed).map(|(_, candidate)| candidate)
}

/// The names in backticks, separated by commas.
pub(crate) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The edit distance of two words, in letters added, dropped, changed or swapped with their
/// neighbour (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let changed = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
                    let swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
                    let swap = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
                    changed.min(swap).min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1)
                }
            };
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognized() {
        let words = ["name", "primary_key", "crate"];
        for (slip, meant) in
            [("nmae", "name"), ("naem", "name"), ("primarykey", "primary_key"), ("crat", "crate")]
        {
            assert_eq!(did_you_mean(slip, &words), format!(", did you mean `{meant}`?"));
        }
    }

    #[test]
    fn nothing_is_guessed_from_afar() {
        assert_eq!(did_you_mean("version", &["name", "primary_key", "crate"]), "");
        assert_eq!(did_you_mean("anything", &[]), "");
    }

    #[test]
    fn the_words_that_there_are_stand_in_the_message() {
        let word = Ident::new("uniqe", Span::call_site());
        let one = unknown_word(&word, "`#[index(..)]`", &["unique"]).to_string();
        assert_eq!(one, "unknown word `uniqe`, did you mean `unique`? (`#[index(..)]` knows `unique` alone)");
        let none = unknown_word(&word, "`#[primary_key]`", &[]).to_string();
        assert_eq!(none, "unknown word `uniqe` (`#[primary_key]` knows no words)");
    }

    #[test]
    #[should_panic(expected = "never looked at")]
    #[cfg(debug_assertions)]
    fn forgetting_to_look_is_noticed() {
        drop(Faults::default());
    }
}
