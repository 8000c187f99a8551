//! A JSON object that is changed member by member; the bytes of values that stay are kept as they came.
//!
//! So decimal money and seven-digit times of a work order survive however often it is acted on.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// Members in their order, each with the exact text of its value.
#[derive(Clone, Debug, Default)]
pub struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads an object.
    ///
    /// # Errors
    /// The text is no JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// An object with these members.
    pub fn of<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, serde_json::Error> {
        let mut object = Object::default();
        for (name, raw) in members {
            object.set(name, RawValue::from_string(raw.to_owned())?);
        }
        Ok(object)
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// A member that is there and not null.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.0.iter().find(|(given, _)| given == name)?;
        (value.get() != "null").then_some(value)
    }

    /// A member as what it means; `None` when it is missing, null or something else.
    pub fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// A member that is an object; an empty one when it is missing or something else.
    pub fn object(&self, name: &str) -> Object {
        self.read(name).unwrap_or_default()
    }

    /// The objects of a member that is a list; none when it is missing or something else.
    pub fn list(&self, name: &str) -> Vec<Object> {
        self.read(name).unwrap_or_default()
    }

    /// Puts a member into its place, or behind the others.
    pub fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(given, _)| given == name) {
            Some((_, kept)) => *kept = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Puts a member that is written as JSON.
    pub fn put(&mut self, name: &str, value: &impl Serialize) {
        self.set(name, serde_json::value::to_raw_value(value).expect("it is plain data"));
    }

    /// Takes a member of another object over, where that one has it.
    pub fn take_over(&mut self, name: &str, other: &Object) {
        if let Some(value) = other.get(name) {
            self.set(name, value.to_owned());
        }
    }

    /// Removes a member.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(given, _)| given != name);
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    object.set(&name, value);
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_bytes_and_its_place() {
        let mut object = Object::parse(r#"{ "A": 1.10, "B" : {"c": [ 1,  2 ]}, "N": null }"#).unwrap();
        object.put("A", &"x");
        object.put("D", &7);
        assert_eq!(object.to_string(), r#"{"A":"x","B":{"c": [ 1,  2 ]},"N":null,"D":7}"#);
        object.remove("A");
        assert!(object.get("N").is_none() && object.get("A").is_none());
        assert_eq!(object.read::<i64>("D"), Some(7));
        assert_eq!(object.read::<String>("D"), None);
    }
}
