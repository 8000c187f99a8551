//! Stretches of the communication log: what a thousand records are like, in a few bytes, so that a list passes by those
//! in which nothing can match.
//!
//! An index for each filter would cost each attempt a page; this costs it some tens of nanoseconds, and a row each
//! thousand records. A stretch is summed up in memory by the writer while it writes the records. What a crash or a
//! failed transaction takes with it stands in no stretch and is walked, so a stretch never hides a record.

use rusqlite::{Connection, params};
use workbell_model::log::Direction;
use workbell_wire::Timestamp;

use super::code;
use super::write::Write;

/// Records of a stretch. 1,024: ten million are ten thousand stretches, which are looked at in some 10 ms, and what is
/// walked in vain because of one is a millisecond. (8 in tests, which want to see many.)
pub(super) const LENGTH: u64 = if cfg!(test) { 8 } else { 1024 };

/// Bytes of the filter. 256: with a hundred different values in a stretch one in a hundred looks is in vain.
const BYTES: usize = 256;

/// What a record has by which lists filter.
#[derive(Clone, Copy, Debug)]
pub enum Trait<'a> {
    /// Its company.
    Company(&'a str),
    /// Its endpoint.
    Endpoint(&'a [u8; 16]),
    /// Its branch.
    Branch(i64),
    /// Its action.
    Action(&'a str),
    /// Which way it went.
    Direction(Direction),
    /// The status of the answer.
    Status(u16),
    /// The class of its failure.
    Error(&'a str),
}

impl Trait<'_> {
    /// Where it stands in the filter. Kept in files: never change it.
    fn bits(self) -> [usize; 2] {
        let hash = match self {
            Trait::Company(name) => spread(1, name.as_bytes()),
            Trait::Endpoint(id) => spread(2, id),
            Trait::Branch(id) => spread(3, &id.to_le_bytes()),
            Trait::Action(name) => spread(4, name.as_bytes()),
            Trait::Direction(direction) => spread(5, &code::of_direction(direction).to_le_bytes()),
            Trait::Status(status) => spread(6, &status.to_le_bytes()),
            Trait::Error(class) => spread(7, class.as_bytes()),
        };
        let bit = |part: u64| usize::try_from(part).unwrap_or(0) % (BYTES * 8);
        [bit(hash >> 48), bit((hash >> 20) & 0xffff)]
    }
}

/// Multiplies and folds eight bytes at a time, the kind first. The writer's maps hash alike, but may do otherwise one day.
fn spread(kind: u8, bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut add = |word: u64| {
        let product = u128::from(hash ^ word) * 0x9e37_79b9_7f4a_7c15;
        hash = (product as u64) ^ ((product >> 64) as u64);
    };
    add(u64::from(kind));
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        add(u64::from_le_bytes(word));
    }
    add(bytes.len() as u64);
    hash
}

/// The sum of a stretch.
#[derive(Clone, Debug)]
pub struct Stretch {
    first: u64,
    last: u64,
    count: u64,
    earliest: i64,
    latest: i64,
    traits: [u8; BYTES],
}

impl Default for Stretch {
    fn default() -> Self {
        Stretch { first: 0, last: 0, count: 0, earliest: i64::MAX, latest: i64::MIN, traits: [0; BYTES] }
    }
}

impl Stretch {
    /// Adds the record with the next number, begun at `start`. True when the stretch is long enough to be written.
    pub fn add<'a>(&mut self, no: u64, start: i64, traits: impl IntoIterator<Item = Trait<'a>>) -> bool {
        if self.count == 0 {
            self.first = no;
        }
        self.last = no;
        self.count += 1;
        self.earliest = self.earliest.min(start);
        self.latest = self.latest.max(start);
        for bit in traits.into_iter().flat_map(Trait::bits) {
            self.traits[bit / 8] |= 1 << (bit % 8);
        }
        self.count >= LENGTH
    }

    /// Writes it, and begins the next.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let stretch = std::mem::take(self);
        connection
            .prepare_cached(
                "INSERT INTO log_stretches (first_no, last_no, earliest, latest, traits)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                stretch.first,
                stretch.last,
                stretch.earliest,
                stretch.latest,
                &stretch.traits[..]
            ])
            .map(drop)
    }
}

impl Write {
    /// Adds a record to the stretch of the log that is under way.
    pub(super) fn sum_up<'a>(
        &mut self,
        no: u64,
        start: Timestamp,
        traits: impl IntoIterator<Item = Option<Trait<'a>>>,
    ) -> rusqlite::Result<()> {
        if self.stretch.add(no, start.ticks(), traits.into_iter().flatten()) {
            self.stretch.write(&self.connection)?;
        }
        Ok(())
    }
}

/// Those whose records are all removed go. Uses the primary key: there are no older ones.
pub(super) fn remove_until(connection: &Connection, last: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM log_stretches WHERE first_no <= ?1 AND last_no <= ?1")?
        .execute(params![last])
        .map(drop)
}

/// What all records that are wanted have.
#[derive(Debug)]
pub(super) struct Wanted {
    bits: Vec<usize>,
    /// Begun then or later, and before.
    from: i64,
    to: i64,
}

impl Wanted {
    pub(super) fn new<'a>(
        traits: impl IntoIterator<Item = Trait<'a>>,
        from: Option<i64>,
        to: Option<i64>,
    ) -> Self {
        Wanted {
            bits: traits.into_iter().flat_map(Trait::bits).collect(),
            from: from.unwrap_or(i64::MIN),
            to: to.unwrap_or(i64::MAX),
        }
    }

    /// Whether every record is wanted, so that no stretch can be passed by.
    pub(super) fn is_any(&self) -> bool {
        self.bits.is_empty() && self.from == i64::MIN && self.to == i64::MAX
    }

    fn may_be_in(&self, earliest: i64, latest: i64, traits: &[u8]) -> bool {
        let has = |bit: &usize| traits.get(bit / 8).is_none_or(|byte| byte & (1 << (bit % 8)) != 0);
        latest >= self.from && earliest < self.to && self.bits.iter().all(has)
    }
}

/// Numbers of records, from `first` to below `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) first: i64,
    pub(super) end: i64,
}

/// The parts of the log below `end` in which a wanted record can be, newest first.
pub(super) struct Parts<'a> {
    rows: Option<rusqlite::Rows<'a>>,
    wanted: &'a Wanted,
    /// Everything from here on was given, or passed by.
    end: i64,
    /// The stretch that stands below what was given last.
    following: Option<Numbers>,
}

/// Uses the primary key.
pub(super) const PARTS: &str = "SELECT first_no, last_no, earliest, latest, traits FROM log_stretches
     WHERE first_no < ?1
     ORDER BY first_no DESC";

impl<'a> Parts<'a> {
    /// `rows` are those of [`PARTS`] below `end`; `None` makes one part of all.
    pub(super) fn new(rows: Option<rusqlite::Rows<'a>>, wanted: &'a Wanted, end: i64) -> Self {
        Parts { rows, wanted, end, following: None }
    }

    /// The next part. Calls `passed` with the lowest number of each stretch that is passed by; when that says no, it
    /// stops there.
    pub(super) fn next(&mut self, mut passed: impl FnMut(i64) -> bool) -> rusqlite::Result<Option<Numbers>> {
        if let Some(following) = self.following.take() {
            return Ok(Some(following));
        }
        while let Some(rows) = &mut self.rows {
            let Some(row) = rows.next()? else { break };
            let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
            let unknown = Numbers { first: last.saturating_add(1), end: self.end };
            let known = Numbers { first, end: unknown.first.min(self.end) };
            self.end = first;
            let may_be = self.wanted.may_be_in(row.get(2)?, row.get(3)?, row.get_ref(4)?.as_blob()?);
            if unknown.first < unknown.end {
                self.following = may_be.then_some(known);
                return Ok(Some(unknown));
            }
            if may_be {
                return Ok(Some(known));
            }
            if !passed(first) {
                return Ok(None);
            }
        }
        self.rows = None;
        let rest = Numbers { first: 0, end: self.end };
        self.end = 0;
        Ok((rest.end > rest.first).then_some(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_is_never_denied_and_what_is_not_in_seldom_claimed() {
        let mut stretch = Stretch::default();
        for no in 0..100u64 {
            let branch = i64::try_from(no).unwrap();
            stretch.add(
                no,
                branch * 10,
                [Trait::Branch(branch), Trait::Status(200), Trait::Action("Accepted")],
            );
        }
        let may_be = |traits: &[Trait<'_>], from, to| {
            Wanted::new(traits.iter().copied(), from, to).may_be_in(
                stretch.earliest,
                stretch.latest,
                &stretch.traits,
            )
        };
        for branch in 0..100 {
            assert!(may_be(&[Trait::Branch(branch), Trait::Status(200)], None, None));
        }
        let claimed = (1000..2000).filter(|branch| may_be(&[Trait::Branch(*branch)], None, None)).count();
        assert!(claimed < 50, "{claimed} of 1000");
        // The same bytes in another member are something else.
        assert!(!may_be(&[Trait::Error("Accepted")], None, None));
        let small = (0..1000).map(Trait::Status).filter(|status| may_be(&[*status], None, None)).count();
        assert!(small < 50, "{small} of 1000");
        assert!(may_be(&[], Some(990), None) && !may_be(&[], Some(991), None));
        assert!(may_be(&[], None, Some(1)) && !may_be(&[], None, Some(0)));
    }

    #[test]
    fn records_of_no_stretch_are_parts_of_their_own() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../../migrations/sqlite/0013_log_stretches.sql")).unwrap();
        // 10 to 17 and 30 to 37 have 404, 20 to 27 have not; 18, 19, 28, 29 and what is below 10 are of none.
        for (first, status) in [(10, 404), (20, 200), (30, 404)] {
            let mut stretch = Stretch::default();
            for no in first..first + LENGTH {
                stretch.add(no, 0, [Trait::Status(status)]);
            }
            stretch.write(&connection).unwrap();
        }
        let wanted = Wanted::new([Trait::Status(404)], None, None);
        let parts = |end: i64| {
            let mut statement = connection.prepare(PARTS).unwrap();
            let mut parts = Parts::new(Some(statement.query([end]).unwrap()), &wanted, end);
            let mut found = Vec::new();
            while let Some(part) = parts.next(|_| true).unwrap() {
                found.push((part.first, part.end));
            }
            found
        };
        let rest = (0, 10);
        assert_eq!(parts(100), [(38, 100), (30, 38), (28, 30), (18, 20), (10, 18), rest]);
        assert_eq!(parts(33), [(30, 33), (28, 30), (18, 20), (10, 18), rest]);
        assert_eq!(parts(12), [(10, 12), rest]);
        assert_eq!(parts(5), [(0, 5)]);
    }
}
