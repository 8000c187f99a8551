//! What bodies, answers and parameters look like: one description that requests are checked against and that the
//! OpenAPI document is written from, so that neither can say what the other does not.

/// A JSON object of the interface.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its name among the document's schemas.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) note: &'static str,
    /// Its members, in the order in which they are written.
    pub(crate) members: &'static [Member],
}

/// A member of an object, or a parameter of a path or query.
#[derive(Debug)]
pub(crate) struct Member {
    /// PascalCase.
    pub(crate) name: &'static str,
    /// What its value looks like.
    pub(crate) form: Form,
    /// Whether it may be left out.
    pub(crate) need: Need,
    /// What it says, for the reader of the document.
    pub(crate) note: &'static str,
}

/// Whether a member may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must be there (a `PATCH` may leave it out). In answers: it always is.
    Always,
    /// It may be missing. In bodies `null` is the same as missing, and in a `PATCH` it resets the member.
    Maybe,
}

/// What a value looks like.
#[derive(Debug)]
pub(crate) enum Form {
    /// `true` or `false`.
    Flag,
    /// A whole number within these bounds.
    Integer(i64, i64),
    /// A text with so many characters.
    Text(usize, usize),
    /// Letters, digits, `_` and `-`, at most 64.
    CompanyId,
    /// A UUID of ours.
    Id,
    /// A GUID with hyphens.
    MessageId,
    /// A letter, then at most 63 letters and digits.
    ActionName,
    /// ISO 8601, UTC, at most seven digits of fraction.
    Time,
    /// A whole number with a unit: `500ms`, `30s`, `5m`, `1h`, `10d`.
    Duration,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list with at most so many elements.
    List(&'static Form, usize),
    /// An object with texts as values, at most so many.
    Texts(usize),
    /// An object of this shape.
    Object(&'static Shape),
    /// Any object.
    AnyObject,
    /// `null`, or this.
    Nullable(&'static Form),
    /// The text `*`, or this.
    StarOr(&'static Form),
}

/// A member that must be there.
pub(crate) const fn always(name: &'static str, form: Form, note: &'static str) -> Member {
    Member { name, form, need: Need::Always, note }
}

/// A member that may be missing.
pub(crate) const fn maybe(name: &'static str, form: Form, note: &'static str) -> Member {
    Member { name, form, need: Need::Maybe, note }
}

/// Names of people's things: companies, branches, clients.
pub(crate) const NAME: Form = Form::Text(1, 200);
