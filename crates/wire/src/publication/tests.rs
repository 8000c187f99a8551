//! What is published and what is sent, by example. The golden vectors have more.

use super::*;
use crate::fault::MAX_FAULTS;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_536_055_928);
const ID: MessageId =
    MessageId::from_bytes(*b"\x01\x92\x2d\x6e\x7b\x2a\x7c\x4e\x9a\x53\x3f\x0c\x8d\x1e\x2b\x47");

const SAMPLE: &str = r#"{ "Header": { "WorkOrderId": 42, "BranchId": 492042, "Action": "Accepted",
  "Sender": { "Name": "Jon Snow", "Phone": "+12025550141", "Type": "CorrigoPro" },
  "ActionDate": "2018-09-04T10:12:08.1671613Z" }, "Status": "Accepted" }"#;

fn body(json: &str) -> String {
    String::from_utf8(Publication::parse(json.as_bytes()).unwrap().body(ID, NOW)).unwrap()
}

fn faults(json: &str) -> Vec<(String, &'static str)> {
    match Publication::parse(json.as_bytes()) {
        Err(Error::Schema(faults)) => faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sample_of_the_documentation_is_sent_in_the_order_of_the_contract() {
    assert_eq!(
        body(SAMPLE),
        concat!(
            r#"{"Header":{"WorkOrderId":42,"BranchId":492042,"Sender":{ "Name": "Jon Snow", "Phone": "+12025550141", "Type": "CorrigoPro" },"#,
            r#""Action":"Accepted","ActionDate":"2018-09-04T10:12:08.1671613Z","ApiVersion":"1.1","#,
            r#""MessageId":"01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47"},"Status":"Accepted"}"#
        )
    );
}

#[test]
fn what_was_published_can_be_asked_for() {
    let text = SAMPLE.replace(
        r#""Status""#,
        r#""InitiatedBy": {"ClientId": "c1"}, "CompanyId": "acme", "Own": [1.10] , "Status""#,
    );
    let publication = Publication::parse(text.as_bytes()).unwrap();
    assert_eq!(publication.work_order_id(), 42);
    assert_eq!(publication.branch_id(), 492_042);
    assert_eq!(publication.known(), Some(Action::Accepted));
    assert_eq!(publication.action().as_str(), "Accepted");
    assert_eq!(publication.message_id(), None);
    assert_eq!(publication.action_date().unwrap().to_string(), "2018-09-04T10:12:08.1671613Z");
    assert_eq!(publication.api_version(), None);
    assert_eq!(publication.sender_name(), "Jon Snow");
    assert_eq!(publication.sender_type(), "CorrigoPro");
    assert_eq!(publication.sender_phone(), Some("+12025550141"));
    assert_eq!(publication.initiated_by(), Some("c1"));
    assert_eq!(publication.company_id(), Some("acme"));
    assert_eq!(publication.member("Own"), Some("[1.10]"));
    let members: Vec<_> = publication.members().collect();
    assert_eq!(members, [("Own".into(), "[1.10]"), ("Status".into(), r#""Accepted""#)]);
    let sent = publication.body(ID, NOW);
    assert!(sent.ends_with(br#"},"Own":[1.10],"Status":"Accepted"}"#));
}

#[test]
fn a_work_order_has_none_of_the_numbers_that_the_store_needs_itself() {
    let with = |id: i64| SAMPLE.replace("\"WorkOrderId\": 42", &format!("\"WorkOrderId\": {id}"));
    for id in [LOWEST_WORK_ORDER, -1, 0, i64::MAX] {
        assert_eq!(Publication::parse(with(id).as_bytes()).unwrap().work_order_id(), id);
    }
    for id in [LOWEST_WORK_ORDER - 1, i64::MIN] {
        assert_eq!(faults(&with(id)), [("/Header/WorkOrderId".into(), "out_of_range")]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    assert_eq!(
        faults(
            r#"{"Header":{"WorkOrderId":"42","BranchId":1.0,"Action":"Rejected","ActionDate":"2018-09-04T10:12:08+00:00",
                "Sender":{"Name":1},"MessageId":"x","MessageId":"y"},"Status":"Accepted","Status":7}"#
        ),
        [
            ("/Status".into(), "doubled"),
            ("/Header/WorkOrderId".into(), "wrong_type"),
            ("/Header/BranchId".into(), "wrong_type"),
            ("/Header/ActionDate".into(), "bad_time"),
            ("/Header/Sender/Name".into(), "wrong_type"),
            ("/Header/Sender/Type".into(), "missing"),
            ("/Header/MessageId".into(), "bad_id"),
            ("/Header/MessageId".into(), "bad_id"),
            ("/Header/MessageId".into(), "doubled"),
            ("/Status".into(), "not_allowed"),
            ("/Status".into(), "wrong_type"),
            ("/Comment".into(), "missing"),
        ]
    );
}

#[test]
fn faults_are_told_up_to_a_limit() {
    let text =
        SAMPLE.replace("ActionDate", &format!("U\":[{}{{}}],\"ActionDate", r#"{"a":1,"a":2},"#.repeat(500)));
    assert_eq!(faults(&text).len(), MAX_FAULTS);
}

#[test]
fn a_company_wide_notification_names_its_company() {
    let text = SAMPLE.replace("492042", "0");
    assert_eq!(faults(&text), [("/CompanyId".into(), "missing")]);
    assert_eq!(
        faults(&text.replace("\"Status\"", "\"CompanyId\":null,\"Status\"")),
        [("/CompanyId".into(), "missing")]
    );
    assert_eq!(
        faults(&text.replace("\"Status\"", "\"CompanyId\":\"a b\",\"Status\"")),
        [("/CompanyId".into(), "bad_id")]
    );
    assert!(
        Publication::parse(text.replace("\"Status\"", "\"CompanyId\":\"a-b\",\"Status\"").as_bytes()).is_ok()
    );
}

#[test]
fn an_own_action_is_checked_for_its_header_only() {
    let text = SAMPLE
        .replace("\"Accepted\",", "\"Teleported\",")
        .replace("\"Status\": \"Accepted\"", "\"Status\": 7");
    let publication = Publication::parse(text.as_bytes()).unwrap();
    assert_eq!(publication.known(), None);
    assert_eq!(publication.action().as_str(), "Teleported");
    assert_eq!(
        faults(&SAMPLE.replace("\"Accepted\",", "\"Tele-ported\",")),
        [("/Header/Action".into(), "bad_name")]
    );
}

#[test]
fn names_are_doubled_however_they_are_spelt_and_however_many_there_are() {
    let many: String = (0..40).map(|index| format!("\"m{index}\":0,")).collect();
    for filler in ["", &many] {
        let text = SAMPLE.replace("\"Status\"", &format!("{filler}\"St\\u0061tus\":\"Accepted\",\"Status\""));
        assert_eq!(faults(&text), [("/Status".into(), "doubled")]);
    }
    assert_eq!(
        faults(&SAMPLE.replace("\"Action\":", "\"X\":[0,{\"y\":{\"z\":1,\"z\":1}}],\"Action\":")),
        [("/Header/X/1/y/z".into(), "doubled")]
    );
    assert_eq!(
        faults(
            &SAMPLE
                .replace("\"Status\"", "\"InitiatedBy\":{\"ClientId\":\"a\",\"ClientId\":\"b\"},\"Status\"")
        ),
        [("/InitiatedBy/ClientId".into(), "doubled")]
    );
    assert!(
        Publication::parse(SAMPLE.replace("\"Status\"", "\"U\":{\"z\":1,\"z\":1},\"Status\"").as_bytes())
            .is_ok(),
        "outside Header only the top level is looked at"
    );
}

#[test]
fn the_hash_leaves_out_the_message_id_and_nothing_else() {
    let hash = |text: &str| Publication::parse(text.as_bytes()).unwrap().content_hash();
    let plain = hash(SAMPLE);
    let with = |member: &str| SAMPLE.replace("\"Action\":", &format!("{member},\"Action\":"));
    assert_eq!(hash(&with("\"MessageId\":\"01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47\"")), plain);
    assert_eq!(hash(&with("\"MessageId\":null")), plain);
    for other in [
        with("\"ApiVersion\":\"1.1\""),
        with("\"ApiVersion\":null"),
        with("\"Unknown\":1"),
        SAMPLE.replace("Jon", "Jan"),
        SAMPLE.replace("\"Status\"", "\"InitiatedBy\":{\"ClientId\":\"a\"},\"Status\""),
        SAMPLE.replace("\"Status\"", "\"CompanyId\":\"acme\",\"Status\""),
        SAMPLE.replace("\"Status\"", "\"Comment\":null,\"Status\""),
    ] {
        assert_ne!(hash(&other), plain, "{other}");
    }
}

#[test]
fn an_array_is_cut_into_the_exact_texts_of_its_items() {
    assert!(is_array(b" \n [") && !is_array(b"{") && !is_array(b""));
    assert_eq!(
        split_array(b" [ {\"a\" : [1 , 2]} ,3,\"]\" ] ").unwrap(),
        ["{\"a\" : [1 , 2]}", "3", "\"]\""]
    );
    assert!(split_array(b"[]").unwrap().is_empty());
    assert!(matches!(split_array(b"{}"), Err(Error::Schema(faults)) if faults[0].code == "wrong_type"));
    assert!(matches!(split_array(b"[{},{]"), Err(Error::InvalidJson { line: 1, column: 6, .. })));
}

#[test]
fn broken_json_is_pointed_at() {
    let place = |json: &[u8]| match Publication::parse(json) {
        Err(Error::InvalidJson { line, column, .. }) => (line, column),
        other => panic!("{other:?}"),
    };
    assert_eq!(place(b""), (1, 1));
    assert_eq!(place(b"{\n \"a\": tru }"), (2, 7));
    assert_eq!(place("{\"äö\": \u{1}}".as_bytes()), (1, 8));
    assert_eq!(place(b"{\"a\": \"\xff\"}"), (1, 8));
    assert_eq!(place(b"{} x"), (1, 4));
    assert_eq!(faults("[]"), [(String::new(), "wrong_type")]);
}
