//! The rules that look at one file at a time: its length, its head, its words, its name.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Signature};

use super::layers::STORE;
use super::paths::named_paths;
use super::source::{Role, Source};
use super::{Fault, Rule};

/// The most lines of production code in a file.
const FILE_LINES: usize = 500;
/// The most lines of a function, from its `fn` to its brace.
const FUNCTION_LINES: usize = 70;

/// What marks unfinished work; in two halves, so that this file does not contain it.
const UNFINISHED: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!"), concat!("unimplemented", "!")];

/// Where unsafe code is: each file numbers the invariants that it rests on.
const UNSAFE_FILES: [&str; 3] = ["codec/text.rs", "env/os/pages.rs", "sst/cache/slot.rs"];

/// Where a test needs unsafe code: a fork is a call of the system that no safe library offers.
const UNSAFE_TEST: &str = "tests/it/owner/fork.rs";

/// Names of files that would take in anything.
const DRAWERS: [&str; 3] = ["utils", "helpers", "misc"];

pub(super) fn long_files(sources: &[Source]) -> Vec<Fault> {
    let production = sources.iter().filter(|source| source.role == Role::Production);
    let lengths = production.map(|source| (source, source.text.lines().count() - source.production().1));
    lengths
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(source, lines)| {
            let text = format!("{lines} lines of production code, and {FILE_LINES} are the limit");
            fault(Rule::FileLength, source, 1, text)
        })
        .collect()
}

pub(super) fn long_functions(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        let mut functions = Functions { lengths: Vec::new() };
        functions.visit_file(&source.production().0);
        for (name, line, lines) in functions.lengths.into_iter().filter(|(.., lines)| *lines > FUNCTION_LINES)
        {
            let text = format!("`{name}` has {lines} lines, and {FUNCTION_LINES} are the limit");
            faults.push(fault(Rule::FunctionLength, source, line, text));
        }
    }
    faults
}

/// Measures functions: name, first line, lines.
struct Functions {
    lengths: Vec<(String, usize, usize)>,
}

impl Functions {
    fn measure(&mut self, signature: &Signature, block: &Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.lengths.push((signature.ident.to_string(), first, last + 1 - first));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

pub(super) fn headless(sources: &[Source]) -> Vec<Fault> {
    let text = || "a file begins with `//!` and one sentence that says its promise".to_owned();
    let headless = sources.iter().filter(|source| !source.text.starts_with("//! "));
    headless.map(|source| fault(Rule::Head, source, 1, text())).collect()
}

pub(super) fn unfinished(sources: &[Source]) -> Vec<Fault> {
    let lines = sources
        .iter()
        .flat_map(|source| source.text.lines().zip(1..).map(move |(text, line)| (source, text, line)));
    lines
        .filter_map(|(source, text, line)| {
            let word = UNFINISHED.into_iter().find(|word| text.contains(word))?;
            Some(fault(Rule::Unfinished, source, line, format!("`{word}`: finish it, or open an issue")))
        })
        .collect()
}

pub(super) fn file_system(sources: &[Source]) -> Vec<Fault> {
    let is_env = |source: &Source| {
        source.path.starts_with(STORE) && source.module.first().is_some_and(|top| top == "env")
    };
    let outside = sources.iter().filter(|source| !is_env(source));
    outside
        .flat_map(|source| {
            let paths = named_paths(source.production().0.into_token_stream());
            paths.into_iter().filter(|path| path.begins(&["std", "fs"])).map(move |path| {
                let text = "`std::fs`: only `env` speaks with the operating system; take an `Env`".into();
                fault(Rule::FileSystem, source, path.line, text)
            })
        })
        .collect()
}

pub(super) fn sleeping(sources: &[Source]) -> Vec<Fault> {
    let text =
        || "a test that sleeps fails on a slow day; step the work by hand, or wait for a signal".to_owned();
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| source.role != Role::Example) {
        let production = named_paths(source.production().0.into_token_stream());
        let sleeps = named_paths(source.file.to_token_stream())
            .into_iter()
            .filter(|path| path.ends(&["thread", "sleep"]) && !production.contains(path));
        faults.extend(sleeps.map(|path| fault(Rule::Sleep, source, path.line, text())));
    }
    faults
}

pub(super) fn ignored(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        let mut lines = Vec::new();
        ignore_attributes(source.file.to_token_stream(), &mut lines);
        let text = || "a test that is ignored tests nothing; make it pass, or remove it".to_owned();
        faults.extend(lines.into_iter().map(|line| fault(Rule::Ignored, source, line, text())));
    }
    faults
}

/// The lines with an `#[ignore]`, those inside macros too.
fn ignore_attributes(tokens: TokenStream, lines: &mut Vec<usize>) {
    let mut after_hash = false;
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            let first = group.stream().into_iter().next();
            if after_hash && first.is_some_and(|first| first.to_string() == "ignore") {
                lines.push(group.span_open().start().line);
            }
            ignore_attributes(group.stream(), lines);
        }
        after_hash = matches!(&token, TokenTree::Punct(hash) if hash.as_char() == '#');
    }
}

pub(super) fn unsafe_code(sources: &[Source]) -> Vec<Fault> {
    let text = || format!("unsafe code stands in {} only", UNSAFE_FILES.join(", "));
    let named = |source: &Source| {
        source.path == UNSAFE_TEST || UNSAFE_FILES.iter().any(|file| source.path == format!("{STORE}/{file}"))
    };
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !named(source)) {
        let mut lines = Vec::new();
        unsafe_keywords(source.file.to_token_stream(), &mut lines);
        faults.extend(lines.into_iter().map(|line| fault(Rule::Unsafe, source, line, text())));
    }
    faults
}

/// The lines with the keyword, those inside macros too.
fn unsafe_keywords(tokens: TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match &token {
            TokenTree::Group(group) => unsafe_keywords(group.stream(), lines),
            TokenTree::Ident(word) if word == "unsafe" => lines.push(word.span().start().line),
            _ => {}
        }
    }
}

pub(super) fn drawers(sources: &[Source]) -> Vec<Fault> {
    let drawer = |source: &&Source| {
        let mut names = source.path.trim_end_matches(".rs").split('/');
        names.any(|name| DRAWERS.contains(&name))
    };
    let text = || "a name that would take in anything; say what the file does".to_owned();
    sources.iter().filter(drawer).map(|source| fault(Rule::Name, source, 1, text())).collect()
}

fn fault(rule: Rule, source: &Source, line: usize, text: String) -> Fault {
    Fault { rule, path: source.path.clone(), line, text }
}
