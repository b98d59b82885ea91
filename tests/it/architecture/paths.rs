//! The paths that source code names, read from its tokens, so that those inside macros count too.
//!
//! `use crate::{a::b, c}` names `crate::a::b` and `crate::c`. Comments, and so links in documentation, name nothing.

use std::iter;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A path of at least two segments, as it is written.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct NamedPath {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    /// The inline modules of the file around it.
    pub(super) within: Vec<String>,
}

impl NamedPath {
    /// The name at the crate's root that the path leads to from a file of this module; `None` when it leads
    /// to another crate or stays below the root.
    pub(super) fn name_at_root(&self, file_module: &[String]) -> Option<&str> {
        let segments: Vec<_> = self.segments.iter().map(String::as_str).collect();
        if let ["crate", rest @ ..] = &segments[..] {
            return rest.first().copied();
        }
        let segments = segments.strip_prefix(&["self"][..]).unwrap_or(&segments[..]);
        let climbed = segments.iter().take_while(|segment| **segment == "super").count();
        let depth = file_module.len() + self.within.len();
        (climbed > 0 && climbed == depth).then(|| segments.get(climbed).copied()).flatten()
    }

    /// Whether it begins with these segments.
    pub(super) fn begins(&self, segments: &[&str]) -> bool {
        self.segments.len() >= segments.len() && iter::zip(&self.segments, segments).all(|(a, b)| a == b)
    }

    /// Whether it ends with these segments.
    pub(super) fn ends(&self, segments: &[&str]) -> bool {
        self.segments.len() >= segments.len()
            && iter::zip(self.segments.iter().rev(), segments.iter().rev()).all(|(a, b)| a == b)
    }
}

/// Every path in `tokens`.
pub(super) fn named_paths(tokens: TokenStream) -> Vec<NamedPath> {
    let mut scan = Scan { within: Vec::new(), found: Vec::new() };
    scan.all(tokens);
    scan.found
}

struct Scan {
    within: Vec<String>,
    found: Vec<NamedPath>,
}

impl Scan {
    fn all(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some((first, others)) = rest.split_first() {
            rest = match rest {
                [TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Group(body), others @ ..]
                    if keyword == "mod" =>
                {
                    self.within.push(name.to_string());
                    self.all(body.stream());
                    self.within.pop();
                    others
                }
                [TokenTree::Ident(_), ..] => self.path(&[], rest),
                _ => {
                    if let TokenTree::Group(group) = first {
                        self.all(group.stream());
                    }
                    others
                }
            };
        }
    }

    /// Reads a path that goes on from `before`, and returns the tokens after it.
    fn path<'t>(&mut self, before: &[String], tokens: &'t [TokenTree]) -> &'t [TokenTree] {
        let mut segments = before.to_vec();
        let mut rest = tokens;
        loop {
            match rest {
                [TokenTree::Ident(segment), others @ ..] => {
                    segments.push(segment.to_string());
                    rest = others;
                }
                [TokenTree::Punct(star), others @ ..] if star.as_char() == '*' => {
                    segments.push("*".to_owned());
                    rest = others;
                }
                [TokenTree::Group(group), others @ ..] if group.delimiter() == Delimiter::Brace => {
                    let branches: Vec<_> = group.stream().into_iter().collect();
                    for branch in branches.split(is_comma) {
                        self.path(&segments, branch);
                    }
                    return others;
                }
                _ => break,
            }
            match rest {
                [TokenTree::Punct(first), TokenTree::Punct(second), others @ ..]
                    if first.as_char() == ':'
                        && first.spacing() == Spacing::Joint
                        && second.as_char() == ':' =>
                {
                    rest = others;
                }
                _ => break,
            }
        }
        if let (Some(first), 2..) = (tokens.first(), segments.len()) {
            let line = first.span().start().line;
            self.found.push(NamedPath { segments, line, within: self.within.clone() });
        }
        rest
    }
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')
}
