//! The command line as a whole: which commands there are, in which order help shows them.

use clap::{Parser, Subcommand};

use crate::command;
use crate::failure::Failure;
use crate::screen::{ColorChoice, Screen};

const EXAMPLES: &str = "\
Examples:
  workbell demo                              watch work orders live, every notification verified
  workbell serve --allow-loopback            run the service and deliver to programs on this machine
  workbell company create acme --name Acme   set up a provider to be told
  workbell queue list --state Dead           what was given up
  workbell log list --follow                 every attempt, as it happens

In a pipe a list is a line for each row, with tabs and without headings; --json gives everything there is.
Exit status: 0 done, 1 the thing asked for failed, 2 wrong usage.";

/// Work-order notifications, delivered: durable, in order, verifiable
#[derive(Debug, Parser)]
#[command(name = "workbell", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Arguments {
    /// When to use colours; NO_COLOR is obeyed with `auto`
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Display"
    )]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(command::demo::Demo),
    Serve(command::serve::Serve),
    Publish(command::publish::Publish),
    /// Companies: the providers who want to be told
    Company(command::company::Company),
    /// Branches of a company; notifications are addressed to a branch
    Branch(command::branch::Branch),
    /// Endpoints: where a company wants to be told, of what, and how
    Endpoint(command::endpoint::Endpoint),
    /// OAuth clients of a company, for the Direct API
    Client(command::client::Client),
    /// People of a company: who may sign in to the portal
    Person(command::person::Person),
    /// Work orders that the service holds: create them, act on them, see their lives
    WorkOrder(command::work_order::WorkOrder),
    /// Customers: what they demand of a check out, and what they allow
    Customer(command::customer::Customer),
    /// The queue: deliveries and where they stand; retry, discard
    Queue(command::queue::Queue),
    Replay(command::replay::Replay),
    /// Jobs over many deliveries: how far they are; cancel, erase
    Jobs(command::jobs::Jobs),
    /// The communication log: both sides of every attempt
    Log(command::log::Log),
    /// Signing keys and the certificates that receivers trust
    Keys(command::keys::Keys),
    /// The platform's own actions beside the 28 of the contract
    Actions(command::actions::Actions),
    /// Alerts: what somebody should know of, and whether they were told
    Alerts(command::alerts::Alerts),
    /// The audit: who changed what, when, from where
    Audit(command::audit::Audit),
    Emulate(command::emulate::Emulate),
    Listen(command::listen::Listen),
    Check(command::check::Check),
    Verify(command::verify::Verify),
    Doctor(command::doctor::Doctor),
    Backup(command::backup::Backup),
    Compact(command::compact::Compact),
    Export(command::export::Export),
    Import(command::import::Import),
    Bench(command::bench::Bench),
    Completions(command::completions::Completions),
    Reference(command::reference::Reference),
}

impl Command {
    /// Does what was asked for.
    pub(crate) async fn run(&self, screen: &Screen, color: ColorChoice) -> Result<(), Failure> {
        match self {
            Command::Demo(demo) => demo.run(screen).await,
            Command::Serve(serve) => serve.run(screen, color).await,
            Command::Publish(publish) => publish.run(screen).await,
            Command::Company(company) => company.run(screen).await,
            Command::Branch(branch) => branch.run(screen).await,
            Command::Endpoint(endpoint) => endpoint.run(screen).await,
            Command::Client(client) => client.run(screen).await,
            Command::Person(person) => person.run(screen).await,
            Command::Queue(queue) => queue.run(screen).await,
            Command::WorkOrder(order) => order.run(screen).await,
            Command::Customer(customer) => customer.run(screen).await,
            Command::Replay(replay) => replay.run(screen).await,
            Command::Jobs(jobs) => jobs.run(screen).await,
            Command::Log(log) => log.run(screen).await,
            Command::Keys(keys) => keys.run(screen).await,
            Command::Actions(actions) => actions.run(screen).await,
            Command::Alerts(alerts) => alerts.run(screen).await,
            Command::Audit(audit) => audit.run(screen).await,
            Command::Emulate(emulate) => emulate.run(screen).await,
            Command::Listen(listen) => listen.run(screen).await,
            Command::Check(check) => check.run(screen).await,
            Command::Verify(verify) => verify.run(screen),
            Command::Doctor(doctor) => doctor.run(screen).await,
            Command::Backup(backup) => backup.run(screen).await,
            Command::Compact(compact) => compact.run(screen).await,
            Command::Export(export) => export.run(screen).await,
            Command::Import(import) => import.run(screen).await,
            Command::Bench(bench) => bench.run(screen).await,
            Command::Completions(completions) => completions.run(screen),
            Command::Reference(reference) => reference.run(screen),
        }
    }

    /// Whether a program reads the output: problem documents go there too, then.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Command::Publish(publish) => publish.connection.json,
            Command::Company(company) => company.connection.json,
            Command::Branch(branch) => branch.connection.json,
            Command::Endpoint(endpoint) => endpoint.connection.json,
            Command::Client(client) => client.connection.json,
            Command::Person(person) => person.connection.json,
            Command::Queue(queue) => queue.connection.json,
            Command::WorkOrder(order) => order.connection.json,
            Command::Customer(customer) => customer.connection.json,
            Command::Replay(replay) => replay.connection.json,
            Command::Jobs(jobs) => jobs.connection.json,
            Command::Log(log) => log.connection.json,
            Command::Keys(keys) => keys.connection.json,
            Command::Actions(actions) => actions.connection.json,
            Command::Alerts(alerts) => alerts.connection.json,
            Command::Audit(audit) => audit.connection.json,
            Command::Emulate(emulate) => emulate.connection.json,
            Command::Listen(listen) => listen.json,
            Command::Check(check) => check.json,
            Command::Verify(verify) => verify.json,
            Command::Doctor(doctor) => doctor.json,
            Command::Backup(backup) => backup.archive.json,
            Command::Compact(compact) => compact.json,
            Command::Export(export) => export.archive.json,
            Command::Import(import) => import.archive.json,
            Command::Bench(bench) => bench.json,
            Command::Demo(_) | Command::Serve(_) | Command::Completions(_) | Command::Reference(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                let id = argument.get_id();
                assert!(argument.get_help().is_some(), "{} {id}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }

    #[test]
    fn each_command_shows_examples() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:\n  "), "{}", command.get_name());
        }
    }

    #[test]
    fn the_service_can_be_named_before_or_behind_what_is_done() {
        for words in [
            ["workbell", "queue", "--server", "http://a:1", "list"],
            ["workbell", "queue", "list", "--server", "http://a:1"],
        ] {
            let Command::Queue(queue) = Arguments::parse_from(words).command else { panic!("{words:?}") };
            assert_eq!(queue.connection.server.as_str(), "http://a:1/");
        }
    }

    #[test]
    fn wrong_usage_has_status_2() {
        for words in [
            &["workbell"][..],
            &["workbell", "sing"],
            &["workbell", "queue", "list", "--state", "Lost"],
            &["workbell", "queue", "show", "not-an-id"],
            &["workbell", "company", "create", "a/b", "--name", "x"],
            &["workbell", "branch", "create", "0", "--name", "x"],
            &["workbell", "endpoint", "create"],
            &["workbell", "endpoint", "create", "http://x/", "--timeout", "30"],
            &["workbell", "endpoint", "create", "http://x/", "--header", "no colon"],
            &["workbell", "log", "list", "--limit", "0"],
            &["workbell", "verify"],
        ] {
            let error = Arguments::try_parse_from(words).expect_err(&words.join(" "));
            assert_eq!(error.exit_code(), 2, "{words:?}");
        }
    }
}
