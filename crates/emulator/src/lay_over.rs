//! Members laid over members: how a scene changes a sample.

use serde_json::{Map, Value};

/// Lays `over` over `under`: objects member by member, everything else as a whole; null takes a member away.
pub fn lay_over(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                if value.is_null() {
                    under.remove(name);
                } else {
                    lay_over(under.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())), value);
                }
            }
        }
        (under, over) => *under = over.clone(),
    }
}
