internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import SurveyKit
internal import SurveyKitHub
internal import SyncHub
internal import Synchronization
internal import ToolSupport
internal import UnixSignals

#if TLS
  internal import HummingbirdTLS
#endif

/// The two listeners of a running hub: one for devices, one for a browser on this machine.
struct HubListener {
  let survey: SurveyHub
  let host: String
  let port: Int
  let boardPort: Int
  let language: Language
  /// Address of the hub as phones reach it; empty where nobody said.
  var publicURL = ""
  /// Times as fast as the clock on the wall that people come and go: more than once in a rehearsal.
  var haste = 1
  let logger: Logger
  #if TLS
    var certificate: CertificateFiles?
  #endif

  /// Seconds that calls in progress may take after a stop was asked for.
  static let stopSecondsMax: Int64 = 10
  /// The operators' pages speak no TLS themselves: a proxy on this machine brings others to them.
  static let boardHost = "127.0.0.1"

  /// Serves until SIGTERM or SIGINT.
  ///
  /// - Throws: `ToolError` when an address cannot be listened on.
  func run() async throws {
    let announcement = Announcement(scheme: scheme, folder: survey.folder)
    let calls = CallCounter()
    let metrics = MetricsText()
    let connections = Connections(descriptorsMax: DescriptorLimit.raise(), descriptorsOpen: DescriptorLimit.open)
    let devices = Application(
      responder: try ProtocolResponder(
        survey: survey, haste: haste, calls: calls, connections: connections, metrics: metrics, logger: logger),
      server: try server(connections),
      configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
      onServerRunning: { [host] channel in announcement.hubListens(host: host, port: channel.localAddress?.port) }, logger: quiet)
    let board = Application(
      responder: try BoardResponder(
        survey: survey, metrics: MetricsPage(metrics, survey: survey, connections: connections), language: language,
        publicURL: publicURL, connections: connections, logger: logger),
      server: .http1(configuration: .init(additionalChannelHandlers: [ConnectionHandler(connections, speaksProtocol: false)])),
      configuration: ApplicationConfiguration(address: .hostname(Self.boardHost, port: boardPort)),
      onServerRunning: { channel in announcement.boardListens(host: Self.boardHost, port: channel.localAddress?.port) }, logger: quiet)
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: devices, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup),
        .init(service: board, successTerminationBehavior: .gracefullyShutdownGroup, failureTerminationBehavior: .cancelGroup),
        .init(service: connections, successTerminationBehavior: .ignore),
        .init(service: PacketFlushing(survey: survey, logger: logger), successTerminationBehavior: .ignore),
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    #if TLS
      if let certificate { configuration.services.append(.init(service: certificate, successTerminationBehavior: .ignore)) }
    #endif
    configuration.maximumGracefulShutdownDuration = .seconds(Self.stopSecondsMax)
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch let error as any ExplainedError {
      throw error
    } catch {
      guard announcement.isComplete else { throw cannotListen(error, hubListens: announcement.isHubListening) }
      logger.error("a listener failed", metadata: ["error": "\(error)"])
      throw ToolError(
        vi: "Máy chủ ngừng vì lỗi mạng: \(error).", en: "The hub stopped because listening failed: \(error).")
    }
    logger.notice("stopping", metadata: ["calls": "\(calls.total)", "dropCalls": "\(calls.drops)"])
  }

  /// The framework's own log: only what an operator must act on.
  private var quiet: Logger {
    var quiet = logger
    quiet.logLevel = .critical
    return quiet
  }

  private func cannotListen(_ error: any Error, hubListens: Bool) -> ToolError {
    let place = hubListens ? "\(Self.boardHost):\(boardPort)" : "\(host):\(port)"
    let option = hubListens ? "--board-port" : "--port"
    let code = (error as? IOError)?.errnoCode
    if code == EADDRINUSE {
      return ToolError(
        vi: "\(place) đang được chương trình khác dùng; chọn cổng khác bằng \(option).",
        en: "\(place) is in use by another program; choose another with \(option).")
    }
    if code == EACCES {
      return ToolError(
        vi: "Không được phép nghe ở \(place); chọn cổng từ 1024 trở lên bằng \(option).",
        en: "Not allowed to listen on \(place); choose a port from 1024 up with \(option).")
    }
    return ToolError(
      vi: "Không nghe được ở \(place); kiểm tra --host và \(option).", en: "Cannot listen on \(place); check --host and \(option).")
  }

  private var scheme: String {
    #if TLS
      if certificate != nil { return "https" }
    #endif
    return "http"
  }

  private func server(_ connections: Connections) throws -> HTTPServerBuilder {
    let plain = HTTPServerBuilder.http1(
      configuration: .init(additionalChannelHandlers: [ConnectionHandler(connections, speaksProtocol: true)]))
    #if TLS
      guard let certificate else { return plain }
      return try .tls(plain, tlsConfiguration: try certificate.configuration())
    #else
      return plain
    #endif
  }
}

/// Says on standard output where the hub listens, in a fixed order, once both listeners run.
private final class Announcement: Sendable {
  private struct State {
    var hub: String?
    var board: String?
    var isSaid = false
    var note: ServingNote?
  }

  private let scheme: String
  private let folder: String
  private let state = Mutex(State())

  init(scheme: String, folder: String) {
    self.scheme = scheme
    self.folder = folder
  }

  var isHubListening: Bool { state.withLock { $0.hub != nil } }
  var isComplete: Bool { state.withLock { $0.isSaid } }

  func hubListens(host: String, port: Int?) {
    let name = host.contains(":") ? "[\(host)]" : host
    say { $0.hub = "hub: \(scheme)://\(name):\(port ?? 0)" }
  }

  func boardListens(host: String, port: Int?) { say { $0.board = "board: http://\(host):\(port ?? 0)/" } }

  private static func address(_ line: String) -> String { String(line.drop { $0 != " " }.dropFirst()) }

  private func say(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      guard let hub = state.hub, let board = state.board, !state.isSaid else { return }
      Console.out(hub)
      Console.out(board)
      state.isSaid = true
      state.note = ServingNote(ServingNote.Addresses(hub: Self.address(hub), board: Self.address(board)), in: folder)
    }
  }
}
