//! The page of the book about the check, with a row for each probe.

use std::fmt::Write as _;

use super::grade::Grade;
use super::probe::{Group, Probe};

const INTRODUCTION: &str = "\
# Check a receiver

<!-- Made from the code: cargo run -p workbell-emulator --example generate_check -->

`workbell check URL` sends good and bad notifications to a receiver, and grades what it does. It needs no running
service. Everything is sent with `Workbell-Mode: test`.

```text
workbell check --trust                        # certificate, secret and endpoint id: give them to your receiver
workbell check http://localhost:3000/hooks
```

The keys are those of [the emulator](emulator.md): made at first use, kept in your configuration folder. To check a
receiver that is set up for an endpoint of a service, add this certificate to those that it trusts, and give that
endpoint's id and secret with `--endpoint` and `--secret`. A certificate of an authority of your own is trusted with
`--ca-file`.

Each line of the report says what was sent, what came back, why it matters and how to mend it. In a terminal, what
passed takes one line; `--verbose` shows all. A pipe gets one line for each probe, separated by tabs, and one with the
grade. `--json` prints one object, `--junit FILE` writes a file for a CI.

Status 0 for the grade A, 1 for all others, 2 for wrong usage.

## The grade
";

const BEHIND: &str = "
A warning does not lower the grade. It tells of something that costs time, such as a missing `100 Continue`, or that
is done in another way than most do, such as a `500` where a `401` is meant.

*Not judged* is what cannot be seen: a certificate where there is no TLS, or whether repeats are recognised where every
answer is empty. When an ordinary notification is not accepted, nothing else is judged, for a receiver that refuses
everything refuses the bad ones too.
";

/// The whole page.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n| grade | means |\n|---|---|\n");
    for grade in Grade::ALL {
        let _ = writeln!(page, "| {} | {} |", grade.name(), grade.rule());
    }
    page.push_str(BEHIND);
    page.push_str("\n## The probes\n\nThey run in this order.\n");
    let mut heading: Option<Group> = None;
    for probe in Probe::ALL {
        if heading != Some(probe.group()) {
            heading = Some(probe.group());
            let name = probe.group().name();
            let _ = write!(
                page,
                "\n### {name}\n\n| probe | sends | why | mend | weight |\n|---|---|---|---|---|\n"
            );
        }
        let weight = probe.weight().name().to_ascii_lowercase();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {weight} |",
            probe.name(),
            probe.sends(),
            probe.why(),
            probe.mend(),
        );
    }
    page
}
