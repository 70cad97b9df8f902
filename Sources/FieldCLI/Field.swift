internal import ArgumentParser
internal import SyncKit
internal import ToolSupport

/// Tool of a commune's working group: works without a network, exchanges with the province's hub when there is one.
@main struct Field: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "field",
    abstract: LocalizedText(
      vi: "Thu phiếu và lập báo cáo ngày không cần mạng, rồi trao đổi với tỉnh.",
      en: "Collect answers and daily reports offline, and exchange them with the province."),
    discussion: LocalizedText(
      vi: """
        Mọi việc đều làm được khi không có mạng, trừ sync; ghi danh và trao đổi cũng đi được bằng tệp (export, import-bundle).

        Mã thoát: 0 xong; 1 bị từ chối hoặc hỏng; 2 xong một phần; 64 dùng sai lệnh; 75 chưa tới được tỉnh hoặc bị dừng, chạy lại \
        đúng lệnh đó.
        """,
      en: """
        Everything works without a network but sync; enrolment and exchange can also travel as files (export, import-bundle).

        Exit codes: 0 done; 1 refused or failed; 2 done in part; 64 wrong usage; 75 no hub or stopped, give the same command again.
        """),
    examples: [
      "field enroll K7MP-3QXD-9R --hub http://hub.example:8080", "field collect", "field import answers.csv", "field collect report01",
      "field sync", "field status",
    ],
    version: "0.1",
    subcommands: [
      Next.self, Enroll.self, Forms.self, Collect.self, Import.self, Report.self, Inbox.self, List.self, Show.self, Conflicts.self,
      Resolve.self,
      Why.self, Photos.self, Post.self, Posts.self, Withdraw.self, Sync.self, Export.self, ImportBundle.self, CourierCommand.self,
      ReceiptCommand.self,
      Status.self, HubAddress.self, Doctor.self,
    ],
    defaultSubcommand: Next.self)

  static func main() async { await ToolMain.run(Self.self) }
}
