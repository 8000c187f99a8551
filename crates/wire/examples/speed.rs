//! How long reading, hashing and re-encoding take: `cargo run --release -p workbell-wire --example speed`.

use std::hint::black_box;
use std::time::Instant;

use workbell_wire::publication::split_array;
use workbell_wire::{MessageId, Publication, Timestamp};

const BATCHES: u32 = 400;
const CALLS: u32 = 500;

fn main() {
    let text = format!(
        r#"{{"Header":{{"WorkOrderId":42,"BranchId":492042,"Sender":{{"Name":"Jon Snow","Phone":"+12025550141","Type":"CorrigoPro"}},"Action":"Accepted","ActionDate":"2018-09-04T10:12:08.1671613Z","ApiVersion":"1.1","MessageId":"01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47"}},"Status":"Accepted","Comment":"{}"}}"#,
        "We come on Tuesday. ".repeat(36)
    );
    time("comment", &text);
    let point = r#"{"Id":81,"SortingIndex":1,"Description":"Shut off the water","IsDone":true},"#;
    let points = point.repeat(9);
    let dense = text
        .replace("\"Accepted\",\"ActionDate", "\"CheckListUpdated\",\"ActionDate")
        .replace("\"Comment\":", &format!("\"CheckList\":[{}],\"C\":", points.trim_end_matches(',')))
        .replace(&"We come on Tuesday. ".repeat(36), "");
    time("check list", &dense);
}

fn time(name: &str, text: &str) {
    let id = MessageId::from_bytes([7; 16]);
    let array = format!("[{text}]");
    let publication = Publication::parse(text.as_bytes()).expect("the text is good");
    let bytes = text.len();
    let report = |what: &str, nanos: f64| println!("{name:12} {what:8} {nanos:7.0} ns for {bytes} bytes");
    report("parse", best(|| _ = black_box(Publication::parse(black_box(text.as_bytes())))));
    report("body", best(|| _ = black_box(black_box(&publication).body(id, Timestamp::EPOCH))));
    report("hash", best(|| _ = black_box(black_box(&publication).content_hash())));
    report("split", best(|| _ = black_box(split_array(black_box(array.as_bytes())))));
}

/// Nanoseconds of one call, in the best of many batches: what others do on the machine is not counted.
fn best(call: impl Fn()) -> f64 {
    let batch = || {
        let start = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        start.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    (0..BATCHES).map(|_| batch()).fold(f64::INFINITY, f64::min)
}
