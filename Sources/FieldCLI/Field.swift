internal import ArgumentParser

/// The tool of a commune's working group: works without a network, exchanges with the province's hub when there is one.
@main struct Field: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "field", abstract: "Collect answers and daily reports offline, and exchange them with the province.",
    discussion: """
      A first day:
        field enroll K7MP-3QXD-9R --hub http://hub.example:8080
        field import answers.csv
        field report --example > report.json
        field report --from report.json
        field sync
        field status
      Everything works without a network but enroll with a code, and sync.
      Exit codes: 0 done; 1 refused or failed; 2 done in part; 64 wrong usage; 75 no hub or stopped, give the same command again.
      """,
    version: "0.1",
    subcommands: [
      Next.self, Enroll.self, Forms.self, Import.self, Report.self, List.self, Show.self, Sync.self, Status.self,
    ],
    defaultSubcommand: Next.self)
}
