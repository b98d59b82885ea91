//! The law of comparing: whenever a shape is said to be read by another one, each row of the first
//! is the same value in the second.

use proptest::prelude::*;

use super::super::*;
use crate::codec::{Reader, text};

/// A shape as a tree, which is easier to make and to change.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    Leaf(usize),
    Option(Box<Form>),
    Seq(Box<Form>),
    Map(Box<Form>, Box<Form>),
    Tuple(Vec<Form>),
    Array(Box<Form>, u32),
    Newtype(Box<Form>),
    Struct(Vec<(char, Form)>),
    Enum(Vec<(char, Form)>),
}

const LEAVES: [Node; 10] = [
    Node::Unit,
    Node::Bool,
    Node::U8,
    Node::U16,
    Node::U64,
    Node::I8,
    Node::I32,
    Node::F32,
    Node::Text,
    Node::Bytes,
];

fn forms() -> impl Strategy<Value = Form> {
    let leaf = (0..LEAVES.len()).prop_map(Form::Leaf);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let names = Just(('a'..'g').collect::<Vec<_>>()).prop_shuffle();
        let fields = (names, prop::collection::vec(inner.clone(), 0..4))
            .prop_map(|(names, forms)| names.into_iter().zip(forms).collect::<Vec<_>>());
        prop_oneof![
            1 => boxed.clone().prop_map(Form::Option),
            1 => boxed.clone().prop_map(Form::Seq),
            1 => boxed.clone().prop_map(Form::Newtype),
            1 => (boxed.clone(), 0..4u32).prop_map(|(form, len)| Form::Array(form, len)),
            1 => (boxed.clone(), boxed).prop_map(|(key, value)| Form::Map(key, value)),
            1 => prop::collection::vec(inner, 0..4).prop_map(Form::Tuple),
            2 => fields.clone().prop_map(Form::Struct),
            4 => fields.prop_map(Form::Enum),
        ]
    })
}

fn shape(form: &Form) -> RowShape {
    fn add(form: &Form, nodes: &mut Vec<Node>) -> NodeId {
        let id = nodes.len();
        nodes.push(Node::Opaque);
        let mut named = |named: &[(char, Form)]| -> Vec<(Vec<String>, NodeId)> {
            named.iter().map(|(name, form)| (vec![name.to_string()], add(form, nodes))).collect()
        };
        let node = match form {
            Form::Leaf(leaf) => LEAVES[*leaf].clone(),
            Form::Struct(fields) => Node::Struct {
                name: format!("S{id}"),
                fields: named(fields).into_iter().map(|(names, node)| Field { names, node }).collect(),
            },
            Form::Enum(variants) => Node::Enum {
                name: format!("E{id}"),
                variants: named(variants).into_iter().map(|(names, node)| Variant { names, node }).collect(),
            },
            Form::Option(inner) => Node::Option(add(inner, nodes)),
            Form::Seq(inner) => Node::Seq(add(inner, nodes)),
            Form::Map(key, value) => Node::Map { key: add(key, nodes), value: add(value, nodes) },
            Form::Tuple(forms) => Node::Tuple(forms.iter().map(|form| add(form, nodes)).collect()),
            Form::Array(inner, len) => Node::Array { element: add(inner, nodes), len: *len },
            Form::Newtype(inner) => Node::Newtype { name: format!("N{id}"), inner: add(inner, nodes) },
        };
        nodes[id] = node;
        NodeId::try_from(id).unwrap()
    }
    let mut nodes = Vec::new();
    add(form, &mut nodes);
    RowShape { nodes }.checked().unwrap()
}

/// How many forms there are in a form, with itself.
fn size(form: &Form) -> usize {
    1 + match form {
        Form::Leaf(_) => 0,
        Form::Option(inner) | Form::Seq(inner) | Form::Newtype(inner) | Form::Array(inner, _) => size(inner),
        Form::Map(key, value) => size(key) + size(value),
        Form::Tuple(forms) => forms.iter().map(size).sum(),
        Form::Struct(named) | Form::Enum(named) => named.iter().map(|(_, form)| size(form)).sum(),
    }
}

/// Changes the form at a place, counted from the outside; the rest is left to count.
fn change(form: &mut Form, place: &mut usize, with: &dyn Fn(&mut Form)) {
    let is_it = *place == 0;
    *place = place.wrapping_sub(1);
    if is_it {
        return with(form);
    }
    match form {
        Form::Leaf(_) => {}
        Form::Option(inner) | Form::Seq(inner) | Form::Newtype(inner) | Form::Array(inner, _) => {
            change(inner, place, with);
        }
        Form::Map(key, value) => {
            change(key, place, with);
            change(value, place, with);
        }
        Form::Tuple(forms) => forms.iter_mut().for_each(|form| change(form, place, with)),
        Form::Struct(named) | Form::Enum(named) => {
            for (_, form) in named {
                change(form, place, with);
            }
        }
    }
}

/// One of the things that a programmer does to a type.
fn edit(form: &mut Form, what: usize, at: usize, other: &Form) {
    match (what, form) {
        (0, form) => *form = other.clone(),
        (1, form) => *form = Form::Newtype(Box::new(form.clone())),
        (2, Form::Leaf(leaf)) => *leaf = at % LEAVES.len(),
        (3, Form::Enum(named) | Form::Struct(named)) => named.push(('x', other.clone())),
        (4, Form::Enum(named) | Form::Struct(named)) => {
            named.insert(at % (named.len() + 1), ('y', other.clone()));
        }
        (5, Form::Enum(named) | Form::Struct(named)) if !named.is_empty() => {
            drop(named.remove(at % named.len()));
        }
        (6, Form::Enum(named) | Form::Struct(named)) if named.len() > 1 => named.swap(0, 1),
        (7, Form::Enum(named) | Form::Struct(named)) if named.len() > 1 => {
            // Only the names change places.
            let first = named[0].0;
            named[0].0 = named[1].0;
            named[1].0 = first;
        }
        (8, Form::Tuple(forms)) if forms.len() > 1 => forms.swap(0, 1),
        (9, Form::Array(_, len)) => *len += 1,
        (10, form) => *form = Form::Option(Box::new(form.clone())),
        (11, form @ Form::Seq(_)) => *form = Form::Leaf(9),
        _ => {}
    }
}

/// Writes a value of a shape that the source of bytes decides.
fn write(shape: &RowShape, id: NodeId, source: &mut impl Iterator<Item = u8>, out: &mut Vec<u8>) -> bool {
    let mut byte = |most: u8| source.next().map_or(0, |byte| byte % (most + 1));
    match shape.node(id) {
        Node::Unit => {}
        Node::Bool => out.push(byte(1)),
        Node::U8 | Node::I8 => out.push(byte(u8::MAX - 1)),
        Node::U16 | Node::U64 | Node::I32 => {
            // Two bytes, in the shortest form.
            out.extend([byte(127) | 0x80, 1 + byte(126)]);
        }
        Node::F32 => out.extend([0, 0, byte(127), 0x40]),
        Node::Text | Node::Bytes => {
            let size = byte(3);
            out.push(size);
            out.extend((0..size).map(|_| b'a' + byte(20)));
        }
        Node::Option(inner) => {
            let some = byte(2).min(1);
            out.push(some);
            return some == 0 || write(shape, *inner, source, out);
        }
        node @ (Node::Seq(_) | Node::Map { .. }) => {
            let count = byte(3);
            out.push(count);
            return (0..count)
                .all(|_| node.children().into_iter().all(|child| write(shape, child, source, out)));
        }
        Node::Array { element, len } => return (0..*len).all(|_| write(shape, *element, source, out)),
        Node::Enum { variants, .. } => {
            if variants.is_empty() {
                return false;
            }
            let place = usize::from(byte(u8::MAX - 1)) % variants.len();
            out.push(u8::try_from(place).unwrap());
            return write(shape, variants[place].node, source, out);
        }
        node => return node.children().into_iter().all(|child| write(shape, child, source, out)),
    }
    true
}

/// A value as it is read by a shape, with the names that it has.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Leaf(&'static str, Vec<u8>),
    Option(Option<Box<Value>>),
    List(Vec<Value>),
    /// Fields, whose names are empty in a tuple.
    Fields(Vec<(Vec<String>, Value)>),
    Variant(Vec<String>, Box<Value>),
}

impl Value {
    fn is(&self, other: &Self) -> bool {
        let shared = |names: &[String], others: &[String]| {
            names.is_empty() || others.is_empty() || names.iter().any(|name| others.contains(name))
        };
        match (self, other) {
            (Self::Option(Some(one)), Self::Option(Some(other))) => one.is(other),
            (Self::List(ones), Self::List(others)) => {
                ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| one.is(other))
            }
            (Self::Fields(ones), Self::Fields(others)) => {
                ones.len() == others.len()
                    && ones
                        .iter()
                        .zip(others)
                        .all(|(one, other)| shared(&one.0, &other.0) && one.1.is(&other.1))
            }
            (Self::Variant(name, one), Self::Variant(its, other)) => shared(name, its) && one.is(other),
            (one, other) => one == other,
        }
    }
}

fn read(shape: &RowShape, id: NodeId, reader: &mut Reader<'_>) -> Result<Value, Fault> {
    const FAULT: Fault = Fault::Invalid("value");
    let node = shape.node(id);
    let leaf = |bytes| Ok(Value::Leaf(node.kind(), bytes));
    let list = |id: NodeId, count: u64, reader: &mut Reader<'_>| {
        let elements = (0..count).map(|_| read(shape, id, reader)).collect::<Result<Vec<_>, _>>()?;
        let byte = |element: &Value| match element {
            Value::Leaf("u8", byte) => Some(byte[0]),
            _ => None,
        };
        // A list of bytes is bytes.
        match elements.iter().map(byte).collect::<Option<Vec<u8>>>() {
            Some(bytes) if *shape.node(shape.bare(id)) == Node::U8 => Ok(Value::Leaf("bytes", bytes)),
            _ => Ok(Value::List(elements)),
        }
    };
    match node {
        Node::Unit => Ok(Value::Fields(Vec::new())),
        Node::Bool => match reader.u8()? {
            bit @ 0..2 => leaf(vec![bit]),
            _ => Err(FAULT),
        },
        Node::U8 | Node::I8 => leaf(reader.bytes(1)?.to_vec()),
        Node::F32 => leaf(reader.bytes(4)?.to_vec()),
        Node::U16 | Node::U64 | Node::I32 => leaf(reader.varint()?.to_le_bytes().to_vec()),
        Node::Text | Node::Bytes => {
            let size = usize::try_from(reader.varint()?).map_err(|_| FAULT)?;
            let bytes = reader.bytes(size)?;
            let is_sound = *node == Node::Bytes || text(bytes).is_ok();
            if is_sound { leaf(bytes.to_vec()) } else { Err(FAULT) }
        }
        Node::Option(inner) => Ok(Value::Option(match reader.u8()? {
            0 => None,
            1 => Some(Box::new(read(shape, *inner, reader)?)),
            _ => return Err(FAULT),
        })),
        Node::Seq(element) => {
            let count = reader.varint()?;
            if count > 1000 { Err(FAULT) } else { list(*element, count, reader) }
        }
        Node::Map { key, value } => {
            let count = reader.varint()?;
            if count > 1000 {
                return Err(FAULT);
            }
            let entry = |_| {
                let key = read(shape, *key, reader)?;
                Ok(Value::Variant(Vec::new(), Box::new(Value::List(vec![key, read(shape, *value, reader)?]))))
            };
            (0..count).map(entry).collect::<Result<_, _>>().map(Value::List)
        }
        Node::Array { element, len } => {
            let elements = (0..*len).map(|_| Ok((Vec::new(), read(shape, *element, reader)?)));
            elements.collect::<Result<_, _>>().map(Value::Fields)
        }
        Node::Tuple(elements) => {
            let elements = elements.iter().map(|&element| Ok((Vec::new(), read(shape, element, reader)?)));
            elements.collect::<Result<_, _>>().map(Value::Fields)
        }
        Node::Struct { fields, .. } => {
            let fields =
                fields.iter().map(|field| Ok((field.names.clone(), read(shape, field.node, reader)?)));
            fields.collect::<Result<_, _>>().map(Value::Fields)
        }
        Node::Enum { variants, .. } => {
            let place = usize::try_from(reader.varint()?).map_err(|_| FAULT)?;
            let variant = variants.get(place).ok_or(FAULT)?;
            Ok(Value::Variant(variant.names.clone(), Box::new(read(shape, variant.node, reader)?)))
        }
        Node::Newtype { inner, .. } => read(shape, *inner, reader),
        _ => Err(FAULT),
    }
}

fn verdict(old: &Form, new: &Form) -> Verdict {
    shape(old).read_by(0, &shape(new), 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_said_to_be_read_is_read_as_the_same_value(
        old in forms(),
        edits in prop::collection::vec((0..12usize, any::<usize>(), 0..8usize, forms()), 0..4),
        rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 6),
    ) {
        let mut new = old.clone();
        for (what, place, at, other) in &edits {
            let mut place = place % size(&new);
            change(&mut new, &mut place, &|form| edit(form, *what, *at, other));
        }
        let (before, after) = (shape(&old), shape(&new));
        let verdict = before.read_by(0, &after, 0);
        prop_assert_ne!(&verdict, &Verdict::Unknown);
        for row in rows {
            let mut bytes = Vec::new();
            if !write(&before, 0, &mut row.into_iter(), &mut bytes) {
                continue;
            }
            prop_assert_eq!(before.skip(&bytes), Ok(&[][..]));
            let mut reader = Reader::new(&bytes);
            let was = read(&before, 0, &mut reader).unwrap();
            let mut reader = Reader::new(&bytes);
            let is = read(&after, 0, &mut reader);
            if verdict == Verdict::Same {
                prop_assert!(is.as_ref().is_ok_and(|is| was.is(is)), "{:?} is read as {:?}", was, is);
                prop_assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn what_leaves_the_bytes_as_they_are_is_accepted(old in forms(), place in 0..20usize, what in 0..2usize, other in forms()) {
        prop_assert_eq!(verdict(&old, &old), Verdict::Same);
        let mut new = old.clone();
        change(&mut new, &mut place.clone(), &|form| match form {
            Form::Enum(variants) if what == 0 => variants.push(('x', other.clone())),
            form => *form = Form::Newtype(Box::new(form.clone())),
        });
        prop_assert_eq!(verdict(&old, &new), Verdict::Same);
        prop_assert_eq!(shape(&old).fingerprint(0) == shape(&new).fingerprint(0), bare(&old) == bare(&new));
    }
}

/// The form without newtypes.
fn bare(form: &Form) -> Form {
    let named = |named: &[(char, Form)]| named.iter().map(|(name, form)| (*name, bare(form))).collect();
    match form {
        Form::Newtype(inner) => bare(inner),
        Form::Leaf(leaf) => Form::Leaf(*leaf),
        Form::Option(inner) => Form::Option(Box::new(bare(inner))),
        Form::Seq(inner) => Form::Seq(Box::new(bare(inner))),
        Form::Array(inner, len) => Form::Array(Box::new(bare(inner)), *len),
        Form::Map(key, value) => Form::Map(Box::new(bare(key)), Box::new(bare(value))),
        Form::Tuple(forms) => Form::Tuple(forms.iter().map(bare).collect()),
        Form::Struct(fields) => Form::Struct(named(fields)),
        Form::Enum(variants) => Form::Enum(named(variants)),
    }
}

#[test]
fn a_type_that_contains_itself_is_compared_with_one_that_does() {
    let list = |value: Node| RowShape {
        nodes: vec![
            Node::Struct {
                name: "List".into(),
                fields: vec![
                    Field { names: vec!["value".into()], node: 1 },
                    Field { names: vec!["next".into()], node: 2 },
                ],
            },
            value,
            Node::Option(0),
        ],
    };
    let old = list(Node::U8).checked().unwrap();
    assert_eq!(old.read_by(0, &list(Node::U8), 0), Verdict::Same);
    let Verdict::Differs(difference) = old.read_by(0, &list(Node::I8), 0) else {
        panic!("a byte is read otherwise")
    };
    assert_eq!((&*difference.path, &*difference.what), (".value", "was `u8` and is now `i8`"));
    assert_eq!(old.read_by(0, &list(Node::Opaque), 0), Verdict::Unknown);
    assert_eq!(old.fingerprint(0).unwrap(), "struct(value:u8(),next:option(:^1,),)");
}
