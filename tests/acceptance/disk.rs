//! A disk that is full or fails: nothing is acknowledged that is not kept, and nothing that was acknowledged is lost.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use workbell_testkit::{Answer, Gate, Installation, Platform, Random, Receiver, Server, Tracer, wait_for};

use crate::notification::{BRANCH, COMPANY, all_settled, message, publish};

/// A small file system of its own. Unmounted when it is dropped.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// One of this size. `None` where nobody may mount anything, as in most containers.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new("mount");
        let options = format!("size={size},mode=700");
        command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        let mounted = command.output().is_ok_and(|output| output.status.success());
        mounted.then(|| SmallDisk { folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        self.fill_up_to(0);
    }

    /// Takes all the room that is left but so many bytes.
    pub(crate) fn fill_up_to(&self, free: usize) {
        let mut file = std::fs::File::create(self.filler()).expect("there is room for an empty file");
        let chunk = [0; 4096];
        let mut written: u64 = 0;
        while file.write_all(&chunk).is_ok() {
            written += 4096;
        }
        let left = written.saturating_sub(u64::try_from(free).expect("a size"));
        file.set_len(left).expect("our own file can be cut");
    }

    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("our own file can be removed");
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What cannot be unmounted now is when its last file is closed.
        let _unmounted = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

/// The files of the store that are written.
fn store_files(data_dir: &Path) -> Vec<PathBuf> {
    ["workbell.db", "workbell.db-wal"].map(|name| data_dir.join(name)).to_vec()
}

/// The story: one attempt is under way and others wait when the disk fails; accepts are refused, the answer to the
/// attempt comes, nothing new is sent; then the disk works again and everything goes on.
fn story<T>(installation: &Installation, code: &str, fail: impl FnOnce(&Server) -> T, mend: impl FnOnce(T)) {
    let gate = Gate::closed();
    let closed = gate.clone();
    let receiver = Receiver::answering(move |_| {
        closed.pass();
        Answer::Status(200)
    });
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    // One attempt at once, so the other work orders would begin as soon as the first one has its answer.
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({"MaxConcurrency": 1}));
    let mut random = Random::new(60);
    let mut acknowledged: Vec<String> =
        (42..47).map(|work_order| publish(&platform, &mut random, work_order).0).collect();
    receiver.wait("the first attempt", |requests| (!requests.is_empty()).then_some(()));

    let failing = fail(&server);
    let refused = refuse_until(&platform, &mut random, code, &mut acknowledged);
    assert!(refused.header("Retry-After").is_some(), "{}", refused.head);
    assert_eq!(platform.get("/readyz").status, 503);
    assert_eq!(platform.get("/healthz").status, 200);
    // Configuration is refused as well, and reading goes on.
    platform.post("/v1/companies", &json!({"CompanyId": "late", "Name": "Late"})).problem(503, code);
    platform.get(&format!("/v1/notifications?CompanyId={COMPANY}")).with(200);
    gate.open();
    receiver.answered(1);
    for _ in 0..3 {
        platform.publish(message(&random.guid(), 42, "Hello").as_bytes()).problem(503, code);
    }
    assert_eq!(receiver.requests().len(), 1, "no new attempt starts while the store takes no writes");

    mend(failing);
    wait_for("the service to be ready again", || (platform.get("/readyz").status == 200).then_some(()));
    acknowledged.push(publish(&platform, &mut random, 42).0);
    all_settled(&platform);
    let mut arrived: Vec<String> =
        receiver.requests().iter().map(|request| request.message_id().to_owned()).collect();
    let of_the_first: Vec<u64> = receiver
        .requests()
        .iter()
        .filter(|request| request.work_order() == 42)
        .map(|request| request.sequence())
        .collect();
    assert!(of_the_first.is_sorted(), "{of_the_first:?}");
    arrived.sort();
    acknowledged.sort();
    assert_eq!(arrived, acknowledged, "each once");
    platform.get("/v1/companies/late").problem(404, "not_found");
    // What was kept in memory meanwhile is on the disk now.
    drop(platform);
    server.kill();
    let server = installation.start();
    let platform = server.platform();
    let delivered = platform.list(&format!("/v1/deliveries?CompanyId={COMPANY}&State=Delivered"));
    assert_eq!(delivered.len(), acknowledged.len());
    assert_eq!(receiver.requests().len(), acknowledged.len());
}

/// Publishes until one is refused. Those that still found room were acknowledged.
#[track_caller]
fn refuse_until(
    platform: &Platform,
    random: &mut Random,
    code: &str,
    acknowledged: &mut Vec<String>,
) -> workbell_testkit::Reply {
    for _ in 0..1000 {
        let id = random.guid();
        let reply = platform.publish(message(&id, 42, "Hello").as_bytes());
        if reply.status != 202 {
            reply.problem(503, code);
            return reply;
        }
        acknowledged.push(id);
    }
    panic!("a thousand notifications were accepted while the disk was out of order");
}

#[test]
fn a_full_disk_refuses_what_is_new_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("4m") else {
        // The other test of a full disk holds everywhere, so the claim is never left untested.
        return a_disk_that_says_it_is_full_refuses_what_is_new_and_loses_nothing();
    };
    let installation = Installation::new().at(&disk.path().join("data"));
    story(&installation, "disk_full", |_| disk.fill(), |()| disk.make_room());
}

#[test]
fn a_disk_that_says_it_is_full_refuses_what_is_new_and_loses_nothing() {
    let installation = Installation::new();
    let files = store_files(installation.data_dir());
    let fail = |server: &Server| Tracer::fail(server, "pwrite64", "ENOSPC", &files);
    story(&installation, "disk_full", fail, drop);
}

#[test]
fn a_disk_that_fails_refuses_what_is_new_and_loses_nothing() {
    let installation = Installation::new();
    let files = store_files(installation.data_dir());
    let fail = |server: &Server| Tracer::fail(server, "pwrite64", "EIO", &files);
    story(&installation, "store_unavailable", fail, drop);
}

#[test]
fn a_sync_that_fails_ends_the_process_and_what_was_acknowledged_is_there_after_a_restart() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let path = format!("/v1/companies/{COMPANY}/endpoints/{}", endpoint.id);
    platform.ask(&format!("{path}/pause")).with(200);
    let mut random = Random::new(61);
    let acknowledged: Vec<String> = (0..5).map(|_| publish(&platform, &mut random, 42).0).collect();

    let tracer = Tracer::fail(&server, "fsync,fdatasync", "EIO", &store_files(installation.data_dir()));
    let unknown = random.guid();
    let answer = platform.try_call("POST", "/v1/notifications", message(&unknown, 42, "Hello").as_bytes());
    assert!(answer.is_err(), "what may not be on the disk is not acknowledged: {answer:?}");
    let ended = server.ends();
    drop(tracer);
    assert_eq!(ended.signal(), Some(6), "{ended}");
    assert!(ended.said.contains("a sync of the store failed"), "{ended}");

    let server = installation.start();
    let platform = server.platform();
    platform.ask(&format!("{path}/resume")).with(200);
    all_settled(&platform);
    let arrived: Vec<String> =
        receiver.requests().iter().map(|request| request.message_id().to_owned()).collect();
    // The one without an answer may be there or not, at its place.
    assert_eq!(arrived[..5], acknowledged);
    assert!(arrived[5..].iter().all(|id| *id == unknown) && arrived.len() <= 6, "{arrived:?}");
}

#[test]
fn a_disk_that_is_full_at_the_start_is_said_and_nothing_is_lost() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let path = format!("/v1/companies/{COMPANY}/endpoints/{}", endpoint.id);
    platform.ask(&format!("{path}/pause")).with(200);
    let (id, _) = publish(&platform, &mut Random::new(62), 42);
    drop(platform);
    server.kill();

    // Nothing in this folder can be written from here on.
    let limited = ["prlimit", "--fsize=0", "sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
    let files = std::fs::read(installation.data_dir().join("workbell.db-wal")).expect("the log is there");
    let installation = installation.started_by(&limited);
    let ended = installation.fail_to_start(&[]);
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(!ended.error().is_empty(), "{ended}");
    let after = std::fs::read(installation.data_dir().join("workbell.db-wal")).expect("the log is there");
    assert!(after == files, "the log was changed");

    let installation = installation.started_by(&[]);
    let server = installation.start();
    let platform = server.platform();
    platform.ask(&format!("{path}/resume")).with(200);
    assert_eq!(receiver.answered(1)[0].message_id(), id);
}
