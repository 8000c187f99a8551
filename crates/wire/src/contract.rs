//! The contract as data: which members a notification has, and what each may hold.
//!
//! One set of tables, from which the validator checks and the JSON Schemas are written, so the two cannot
//! differ. [`models`] has the models, [`actions`] the members of each action.
//!
//! Source: notifications.md sections 2, 3 and 4.

pub mod actions;
pub mod models;

pub use actions::members_of;

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Whether it must be there. An optional one may also be `null`.
    pub demanded: bool,
    /// What it may hold.
    pub form: Form,
    /// How closely it is checked.
    pub rigour: Rigour,
}

/// How closely a member is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rigour {
    /// Type, length, listed values, demanded members inside.
    Full,
    /// For its type only, and so is all that is inside: what public pages leave open.
    TypeOnly,
}

/// What a member may hold.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Any string.
    Text,
    /// A string of at most so many Unicode characters.
    LimitedText(usize),
    /// Exactly this string.
    Constant(&'static str),
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// Any string; these are known.
    Known(&'static [&'static str]),
    /// A string with the form of an action name.
    ActionName,
    /// A string that is a time: ISO 8601, `Z`, at most seven digits of fraction.
    Time,
    /// A string that is a GUID with hyphens.
    Guid,
    /// A string that is a company id: one to 64 letters, digits, `_`, `-`.
    CompanyId,
    /// A number that is written as an integer and fits 64 bits.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Flag,
    /// An object.
    Model(&'static Model),
    /// An array of this.
    List(&'static Form),
}

/// An object with a name of its own. Members that it does not list may stand beside the listed ones.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its name in the contract and in `$defs`.
    pub name: &'static str,
    /// Its members, in the order of the contract.
    pub members: &'static [Member],
}

const fn demanded(name: &'static str, form: Form) -> Member {
    Member { name, demanded: true, form, rigour: Rigour::Full }
}

const fn optional(name: &'static str, form: Form) -> Member {
    Member { name, demanded: false, form, rigour: Rigour::Full }
}

/// Neither demanded nor checked for more than its type.
const fn inferred(name: &'static str, form: Form) -> Member {
    Member { name, demanded: false, form, rigour: Rigour::TypeOnly }
}
