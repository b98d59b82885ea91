//! The plan for a struct and a stored table: pure, so that each case can be tested by itself.
//!
//! 1. Rows are never misread: a layout that may have rows is compared field by field with the
//!    struct that is to read it.
//! 2. An index is kept only if its entries are those of the struct. With a new layout none is: what
//!    a migration makes of an old row may have other values.
//! 3. Nothing changes unless everything fits.

use super::info::Compiled;
use super::stored::{StoredIndex, StoredLayout, StoredState, StoredTable, owned};
use crate::error::{Error, Result, SchemaError};
use crate::table::key::KeyFit;
use crate::table::shape::{Difference, RowShape, Verdict};
use crate::table::{IndexSchema, TableSchema};

/// The changes of a stored table.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) layouts: Vec<StoredLayout>,
    /// In the order of the struct's indexes.
    pub(super) indexes: Vec<IndexAction>,
    /// The keyspaces of indexes that the struct no longer has.
    pub(super) dropped: Vec<u32>,
    /// Whether no row has the last layout yet.
    pub(super) is_new: bool,
}

/// What is done with an index of the struct.
#[derive(Debug, PartialEq)]
pub(super) enum IndexAction {
    /// It exists, perhaps under another name.
    Keep(StoredIndex),
    Build,
}

impl Plan {
    pub(super) fn builds(&self) -> bool {
        self.indexes.contains(&IndexAction::Build)
    }
}

/// The plan for opening a struct on `stored`, or a sentence that says why it cannot be opened.
pub(super) fn plan(stored: &StoredTable, compiled: &Compiled) -> Result<Plan> {
    let schema = &compiled.schema;
    ensure_newest(schema)?;
    let Some(newest) = stored.newest() else { return refuse(schema, "it has no layout".into()) };
    if newest.version > schema.version {
        return Err(Error::SchemaTooNew {
            table: schema.name.to_owned(),
            stored: newest.version,
            known: schema.version,
        });
    }
    let is_new = newest.version < schema.version;
    let layout = StoredLayout::of(schema, compiled.shape.clone());
    primary_key(stored, newest, compiled, &layout, is_new)?;
    let mut layouts = Vec::with_capacity(stored.layouts.len() + 1);
    for old in &stored.layouts {
        layouts.push(read_by(old, schema, &layout)?);
    }
    if is_new {
        layouts.push(layout);
    }
    let (indexes, dropped) = indexes(stored, compiled, is_new);
    Ok(Plan { layouts, indexes, dropped, is_new })
}

/// An error for a struct that only reads older rows.
pub(super) fn ensure_newest(schema: &TableSchema) -> Result<()> {
    if !schema.history {
        return Ok(());
    }
    refuse(
        schema,
        "this struct is a layout of the past (`history`); open the table with the newest one".into(),
    )
}

/// An error unless the encoding of keys is unchanged.
fn primary_key(
    stored: &StoredTable,
    newest: &StoredLayout,
    compiled: &Compiled,
    layout: &StoredLayout,
    is_new: bool,
) -> Result<()> {
    let schema = &compiled.schema;
    let names = owned(schema.primary_key);
    let types = |layout: &StoredLayout, names: &[String]| -> Vec<Option<String>> {
        names.iter().map(|name| layout.type_of(name).map(str::to_owned)).collect()
    };
    // Within a version, a column whose type changed is a changed field, for which that error is
    // more precise.
    let fits = match stored.key_shape.as_ref().map_or(KeyFit::Unknown, |key| key.fit(&compiled.key)) {
        _ if !is_new && stored.primary_key != names => false,
        KeyFit::Same => true,
        KeyFit::Differs => false,
        KeyFit::Unknown => !is_new || types(newest, &stored.primary_key) == types(layout, &names),
    };
    if fits {
        return Ok(());
    }
    let shown = |layout: &StoredLayout, names: &[String]| {
        let column = |name: &String| format!("{name}: {}", layout.type_of(name).unwrap_or("?"));
        format!("({})", names.iter().map(column).collect::<Vec<_>>().join(", "))
    };
    let (mut was, mut is) = (shown(newest, &stored.primary_key), shown(layout, &names));
    if was == is
        && let Some(key) = &stored.key_shape
    {
        was = format!("{was}, stored as {}", key.describe());
        is = format!("{is}, stored as {}", compiled.key.describe());
    }
    refuse(
        schema,
        format!(
            "its primary key was {was} and is now {is}; a primary key cannot change, so restore it, or copy the rows into a new table"
        ),
    )
}

/// The stored layout as the struct that reads its rows has it; an error if there is none.
fn read_by(old: &StoredLayout, schema: &TableSchema, newest: &StoredLayout) -> Result<StoredLayout> {
    let Some(reader) = schema.layout(old.version) else {
        return refuse(
            schema,
            format!(
                "rows of version {0} may be left, and no struct reads them; keep the struct of version {0} with `history` and name \
                 it in `migrate_from`, or let a program that has it call `migrate_all` first",
                old.version
            ),
        );
    };
    let is_newest = reader.version == schema.version;
    let layout = if is_newest { newest.clone() } else { StoredLayout::of(reader, reader.row_shape()) };
    match difference(old, &layout) {
        None => Ok(layout),
        Some(difference) if is_newest => refuse(
            schema,
            format!(
                "{difference}; restore it, or give the struct `#[table(version = {}, migrate_from = ..)]` and keep the old one with \
                 `history`",
                schema.version + 1
            ),
        ),
        Some(difference) => refuse(
            schema,
            format!(
                "in the struct of version {}, {difference}; it has to be as it was when its rows were written",
                reader.version
            ),
        ),
    }
}

/// The first field that would be misread.
fn difference(stored: &StoredLayout, compiled: &StoredLayout) -> Option<String> {
    let shapes = stored.shape.as_ref().zip(compiled.shape.as_ref());
    let by_field = shapes.filter(|(old, new)| {
        old.fields().len() == stored.fields.len() && new.fields().len() == compiled.fields.len()
    });
    if let (None, Some((old, new))) = (by_field, shapes) {
        // The row of an implementation by hand may not be a struct of these fields.
        match old.read_by(0, new, 0) {
            Verdict::Same => return None,
            Verdict::Differs(Difference { path, what }) => return Some(format!("the row{path} {what}")),
            Verdict::Unknown => {}
        }
    }
    for (ordinal, field) in compiled.fields.iter().enumerate() {
        let Some(old) = stored.fields.get(ordinal) else {
            return Some(format!("field `{}` is new", field.name));
        };
        let verdict = by_field.map_or(Verdict::Unknown, |(old, new)| field_verdict(old, new, ordinal));
        let is_renamed = old.name != field.name;
        if is_renamed && !by_field.is_some_and(|(old, new)| is_same_field(old, new, ordinal)) {
            return Some(format!("field {} was `{}` and is now `{}`", ordinal + 1, old.name, field.name));
        }
        match verdict {
            Verdict::Same => {}
            Verdict::Unknown if old.type_name == field.type_name => {}
            Verdict::Unknown => {
                return Some(format!(
                    "field `{}` was `{}` and is now `{}`",
                    field.name, old.type_name, field.type_name
                ));
            }
            Verdict::Differs(Difference { path, what }) => {
                return Some(format!("field `{}{path}` {what}", field.name));
            }
        }
    }
    stored.fields.get(compiled.fields.len()).map(|missing| format!("field `{}` is missing", missing.name))
}

fn field_verdict(old: &RowShape, new: &RowShape, ordinal: usize) -> Verdict {
    match (old.fields().get(ordinal), new.fields().get(ordinal)) {
        (Some(mine), Some(its)) => old.read_by(mine.node, new, its.node),
        _ => Verdict::Unknown,
    }
}

/// Whether serde has one name for a field, whatever the structs call it.
fn is_same_field(old: &RowShape, new: &RowShape, ordinal: usize) -> bool {
    let names =
        |shape: &RowShape| shape.fields().get(ordinal).map(|field| field.names.clone()).unwrap_or_default();
    let others = names(new);
    names(old).iter().any(|name| others.contains(name))
}

fn indexes(stored: &StoredTable, compiled: &Compiled, is_new: bool) -> (Vec<IndexAction>, Vec<u32>) {
    let schema = &compiled.schema;
    let mut left: Vec<&StoredIndex> = stored.indexes.iter().collect();
    let mut actions = Vec::with_capacity(schema.indexes.len());
    let by_name = |index: &IndexSchema| stored.indexes.iter().find(|old| old.name == index.name);
    let is_taken = |name: &str| schema.indexes.iter().any(|index| index.name == name);
    for (ordinal, index) in schema.indexes.iter().enumerate() {
        let shapes = compiled.shapes(ordinal);
        let renamed = || {
            let was = index.was.filter(|was| !is_taken(was))?;
            stored.indexes.iter().find(|old| old.name == was)
        };
        let kept = by_name(index)
            .or_else(renamed)
            .filter(|old| !is_new && old.is_like(index, shapes) && old.state != StoredState::Off);
        actions.push(match kept {
            Some(old) => {
                left.retain(|other| other.keyspace != old.keyspace);
                IndexAction::Keep(StoredIndex::of(index, shapes, old.keyspace, old.state))
            }
            None => IndexAction::Build,
        });
    }
    (actions, left.iter().map(|index| index.keyspace).collect())
}

fn refuse<T>(schema: &TableSchema, sentence: String) -> Result<T> {
    Err(Error::Schema(SchemaError { table: schema.name.to_owned(), sentence }))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::any::TypeId;

    use super::*;
    use crate::table::{FieldSchema, KeyShape};

    const FIELDS: &[FieldSchema] = &[FieldSchema::new("id", "u64"), FieldSchema::new("mail", "String")];
    const WIDE: &[FieldSchema] = &[FieldSchema::new("id", "u64"), FieldSchema::new("mail", "Option<String>")];
    const AGED: &[FieldSchema] =
        &[FieldSchema::new("id", "u64"), FieldSchema::new("mail", "String"), FieldSchema::new("age", "u8")];
    const MAIL: IndexSchema = IndexSchema::new("mail", true, &["mail"]);
    const AGE: IndexSchema = IndexSchema::new("age", false, &["age"]);
    const FIRST: TableSchema = TableSchema::new("users", FIELDS, &["id"], &[MAIL]);
    const SECOND: TableSchema =
        TableSchema::new("users", AGED, &["id"], &[MAIL, AGE]).version(2).migrates_from(&FIRST);

    fn stored(schema: &TableSchema) -> StoredTable {
        StoredTable {
            rows: 16,
            has_row_count: true,
            layouts: vec![StoredLayout::of(schema, schema.row_shape())],
            primary_key: owned(schema.primary_key),
            key_shape: None,
            indexes: (17..)
                .zip(schema.indexes)
                .map(|(id, index)| StoredIndex::of(index, &[], id, StoredState::Readable))
                .collect(),
            pending: Vec::new(),
        }
    }

    /// The plan for a struct of which nothing but the source text is known.
    fn plan(stored: &StoredTable, schema: &TableSchema) -> Result<Plan> {
        let compiled = Compiled {
            schema: *schema,
            row: TypeId::of::<()>(),
            shape: RowShape::opaque(),
            key: KeyShape::custom(),
            indexes: vec![Vec::new(); schema.indexes.len()],
        };
        super::plan(stored, &compiled)
    }

    fn sentence(stored: &StoredTable, schema: &TableSchema) -> String {
        plan(stored, schema).unwrap_err().to_string()
    }

    #[test]
    fn the_same_struct_keeps_everything() {
        let old = stored(&FIRST);
        let plan = plan(&old, &FIRST).unwrap();
        assert_eq!(plan.indexes, [IndexAction::Keep(old.indexes[0].clone())]);
        assert_eq!((plan.layouts, plan.dropped), (old.layouts, vec![]));
    }

    #[test]
    fn an_index_that_is_new_or_changed_is_built_and_one_that_is_gone_is_dropped() {
        let old = stored(&FIRST);
        for changed in [
            IndexSchema::new("mail", false, &["mail"]),
            IndexSchema::new("mail", true, &["nocase(mail)"]),
            MAIL.sparse(),
            IndexSchema::new("post", true, &["mail"]),
        ] {
            let indexes: &'static [IndexSchema] = Box::leak(Box::new([changed]));
            let plan = plan(&old, &TableSchema::new("users", FIELDS, &["id"], indexes)).unwrap();
            assert_eq!((plan.indexes, plan.dropped), (vec![IndexAction::Build], vec![17]));
        }
        let none = plan(&old, &TableSchema::new("users", FIELDS, &["id"], &[])).unwrap();
        assert_eq!((none.indexes, none.dropped), (vec![], vec![17]));
    }

    #[test]
    fn the_order_of_indexes_does_not_matter() {
        let old = stored(&TableSchema::new("users", AGED, &["id"], &[MAIL, AGE]));
        let plan = plan(&old, &TableSchema::new("users", AGED, &["id"], &[AGE, MAIL])).unwrap();
        assert!(!plan.builds() && plan.dropped.is_empty());
    }

    #[test]
    fn an_index_that_is_renamed_is_kept_and_one_whose_name_is_taken_is_not() {
        const POST: IndexSchema = IndexSchema::new("post", true, &["mail"]).was("mail");
        let old = stored(&FIRST);
        let renamed = plan(&old, &TableSchema::new("users", FIELDS, &["id"], &[POST])).unwrap();
        let kept = StoredIndex { name: "post".into(), ..old.indexes[0].clone() };
        assert_eq!((renamed.indexes, renamed.dropped), (vec![IndexAction::Keep(kept)], vec![]));

        let both = plan(&old, &TableSchema::new("users", FIELDS, &["id"], &[POST, MAIL])).unwrap();
        assert_eq!(both.indexes, [IndexAction::Build, IndexAction::Keep(old.indexes[0].clone())]);
    }

    #[test]
    fn an_index_that_is_off_is_tried_again_and_one_that_is_being_built_goes_on() {
        let mut old = stored(&FIRST);
        old.indexes[0].state = StoredState::Off;
        assert!(plan(&old, &FIRST).unwrap().builds());
        old.indexes[0].state = StoredState::Building;
        assert_eq!(plan(&old, &FIRST).unwrap().indexes, [IndexAction::Keep(old.indexes[0].clone())]);
    }

    #[test]
    fn a_new_version_adds_its_layout_and_builds_every_index() {
        let old = stored(&FIRST);
        let plan = plan(&old, &SECOND).unwrap();
        assert_eq!(plan.layouts.iter().map(|layout| layout.version).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((plan.indexes, plan.dropped), (vec![IndexAction::Build, IndexAction::Build], vec![17]));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_sentence_that_names_it() {
        let old = stored(&FIRST);
        let retyped = sentence(&old, &TableSchema::new("users", WIDE, &["id"], &[MAIL]));
        assert!(retyped.contains("field `mail` was `String` and is now `Option<String>`"), "{retyped}");
        assert!(retyped.contains("version = 2"), "{retyped}");
        let added = sentence(&old, &TableSchema::new("users", AGED, &["id"], &[MAIL]));
        assert!(added.contains("field `age` is new"), "{added}");
        let gone = sentence(&stored(&TableSchema::new("users", AGED, &["id"], &[])), &FIRST);
        assert!(gone.contains("field `age` is missing"), "{gone}");
        let unread = sentence(&old, &TableSchema::new("users", AGED, &["id"], &[]).version(2));
        assert!(unread.contains("rows of version 1") && unread.contains("migrate_from"), "{unread}");
        let key = sentence(&old, &TableSchema::new("users", FIELDS, &["mail"], &[MAIL]));
        assert!(key.contains("(id: u64)") && key.contains("(mail: String)"), "{key}");
        assert!(sentence(&old, &FIRST.history()).contains("layout of the past"));
        let newer = plan(&stored(&SECOND), &FIRST).unwrap_err();
        assert!(
            matches!(newer, Error::SchemaTooNew { stored: 2, known: 1, .. })
                && newer.to_string().contains("`users`"),
            "{newer}"
        );
    }

    #[test]
    fn a_layout_of_the_past_has_to_stay_as_it_was() {
        const OTHER: TableSchema = TableSchema::new("users", AGED, &["id"], &[]);
        const NEXT: TableSchema =
            TableSchema::new("users", AGED, &["id"], &[]).version(3).migrates_from(&OTHER);
        let text = sentence(&stored(&FIRST), &NEXT);
        assert!(text.contains("in the struct of version 1, field `age` is new"), "{text}");
    }
}
