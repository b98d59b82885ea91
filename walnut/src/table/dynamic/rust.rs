//! A stored schema as the Rust source that would read it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::description::{Description, IndexDescription};
use crate::table::shape::{Node, NodeId, RowShape, Variant};

impl Description {
    /// The struct with its derive that would read the table, and the types within it, as Rust
    /// source.
    ///
    /// A field's type is what the source of the program said; types of the program's own are those
    /// that serde saw, so `#[serde(..)]` attributes and types that serde does not tell apart, such
    /// as `HashSet` and `Vec`, are the writer's to restore. A computed index is a comment.
    pub fn to_rust(&self) -> String {
        let mut source = String::from("#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]\n");
        let mut table = vec![format!("name = {:?}", self.name)];
        if self.version > 1 {
            table.push(format!("version = {}", self.version));
        }
        if self.primary_key.len() > 1 {
            table.push(format!("primary_key = ({})", self.primary_key.join(", ")));
        }
        put(&mut source, format_args!("#[table({})]\n", table.join(", ")));
        for index in self.indexes.iter().filter(|index| self.field_of(index).is_none()) {
            put_index(&mut source, index);
        }
        put(&mut source, format_args!("struct {} {{\n", name_of_struct(&self.shape, &self.name)));
        for (name, type_name) in &self.fields {
            if self.primary_key == [name.clone()] {
                source.push_str("    #[primary_key]\n");
            }
            for index in self.indexes.iter().filter(|index| self.field_of(index) == Some(name)) {
                put(&mut source, format_args!("    #[{}]\n", words_of_field(index)));
            }
            put(&mut source, format_args!("    {name}: {type_name},\n"));
        }
        source.push_str("}\n");
        let mut types = BTreeMap::new();
        for node in self.shape.nodes().iter().skip(1) {
            put_type(&self.shape, node, &mut types);
        }
        for text in types.values() {
            source.push('\n');
            source.push_str(text);
        }
        source
    }

    /// The field under which an index of a single part is written.
    fn field_of<'i>(&self, index: &'i IndexDescription) -> Option<&'i str> {
        let [part] = &index.parts[..] else { return None };
        let inner = innermost(part);
        let is_named_so = index.name == inner;
        (is_named_so && self.fields.iter().any(|(name, _)| name == inner)).then_some(inner)
    }
}

/// Writing to a text does not fail.
fn put(source: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = source.write_fmt(text);
}

fn put_index(source: &mut String, index: &IndexDescription) {
    let is_computed = index.parts.iter().any(|part| part.contains(':'));
    if is_computed {
        put(
            source,
            format_args!(
                "// The index `{}` over `{}` is computed by the program.\n",
                index.name,
                index.parts.join(", ")
            ),
        );
        return;
    }
    let mut flags = String::new();
    if index.unique {
        flags.push_str(", unique");
    }
    if index.sparse {
        flags.push_str(", sparse");
    }
    let parts = match &index.parts[..] {
        [part] => part.clone(),
        parts => format!("({})", parts.join(", ")),
    };
    put(source, format_args!("#[index({} = {parts}{flags})]\n", index.name));
}

fn words_of_field(index: &IndexDescription) -> String {
    let mut words = index.parts.first().map(|part| words_of(part)).unwrap_or_default();
    if index.unique {
        words.insert(0, "unique".to_owned());
    }
    if index.sparse {
        words.push("sparse".to_owned());
    }
    if words.is_empty() { "index".to_owned() } else { format!("index({})", words.join(", ")) }
}

/// The words of a part, the last one first.
fn words_of(part: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = part;
    while let Some((word, inner)) = rest.split_once('(') {
        rest = inner.strip_suffix(')').unwrap_or(inner);
        match (word, rest.rsplit_once(", ")) {
            ("scale", Some((inner, digits))) => {
                words.push(format!("scale = {digits}"));
                rest = inner;
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// The field of a part without its words.
fn innermost(part: &str) -> &str {
    let mut rest = part;
    while let Some((_, inner)) = rest.split_once('(') {
        rest = inner.strip_suffix(')').unwrap_or(inner);
    }
    rest.split(", ").next().unwrap_or(rest)
}

/// The name of the row's struct, or one made of the table's name.
fn name_of_struct(shape: &RowShape, table: &str) -> String {
    match shape.node(0) {
        Node::Struct { name, .. } if !name.is_empty() => name.clone(),
        _ => {
            let word = |word: &str| {
                let mut characters = word.chars();
                characters.next().map(|first| first.to_uppercase().chain(characters).collect::<String>())
            };
            table.split(|character: char| !character.is_alphanumeric()).filter_map(word).collect()
        }
    }
}

/// Adds the declaration of a type of the program's own.
fn put_type(shape: &RowShape, node: &Node, types: &mut BTreeMap<String, String>) {
    const DERIVE: &str = "#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]\n";
    let (name, text) = match node {
        Node::Newtype { name, inner } => (name, format!("struct {name}({});\n", type_of(shape, *inner))),
        Node::Struct { name, fields } => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("    {}: {},\n", field.name(), type_of(shape, field.node)))
                .collect();
            (name, format!("struct {name} {{\n{}}}\n", fields.concat()))
        }
        Node::Enum { name, variants } => {
            let variants: Vec<String> = variants.iter().map(|variant| variant_of(shape, variant)).collect();
            (name, format!("enum {name} {{\n{}}}\n", variants.concat()))
        }
        _ => return,
    };
    // Types of the standard library and of other crates are not declared again.
    let is_their_own = !name.is_empty() && !is_foreign(shape, node);
    if is_their_own && !types.contains_key(name) {
        types.insert(name.clone(), format!("{DERIVE}{text}"));
    }
}

/// Whether a node is the stored form of a well-known type.
fn is_foreign(shape: &RowShape, node: &Node) -> bool {
    shape.nodes().iter().any(|outer| match outer {
        Node::Known { inner, .. } => std::ptr::eq(shape.node(*inner), node),
        _ => false,
    }) || matches!(node, Node::Enum { name, .. } if name == "Result")
}

fn variant_of(shape: &RowShape, variant: &Variant) -> String {
    let name = variant.names.first().map_or("", |name| name);
    match shape.node(variant.node) {
        Node::Unit => format!("    {name},\n"),
        Node::Tuple(elements) => {
            let elements: Vec<String> = elements.iter().map(|&element| type_of(shape, element)).collect();
            format!("    {name}({}),\n", elements.join(", "))
        }
        Node::Struct { fields, name: inner } if inner.is_empty() || inner == name => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name(), type_of(shape, field.node)))
                .collect();
            format!("    {name} {{ {} }},\n", fields.join(", "))
        }
        _ => format!("    {name}({}),\n", type_of(shape, variant.node)),
    }
}

fn type_of(shape: &RowShape, id: NodeId) -> String {
    let inner = |id: &NodeId| type_of(shape, *id);
    match shape.node(id) {
        Node::Seq(element) if *shape.node(*element) == Node::U8 => "Vec<u8>".to_owned(),
        Node::Bytes => "Vec<u8>".to_owned(),
        Node::Option(value) => format!("Option<{}>", inner(value)),
        Node::Seq(element) => format!("Vec<{}>", inner(element)),
        Node::Map { key, value } => format!("BTreeMap<{}, {}>", inner(key), inner(value)),
        Node::Array { element, len } => format!("[{}; {len}]", inner(element)),
        Node::Tuple(elements) => {
            let elements: Vec<String> = elements.iter().map(inner).collect();
            format!("({})", elements.join(", "))
        }
        Node::Newtype { name, .. } | Node::Struct { name, .. } | Node::Enum { name, .. } => name.clone(),
        Node::Known { known, .. } => format!("{known:?}"),
        _ => shape.describe(id),
    }
}
