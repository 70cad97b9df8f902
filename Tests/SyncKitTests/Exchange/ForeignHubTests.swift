import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SyncCore
@testable import SyncHub
@testable import SyncKit

/// Exchanges through what may stand between a device and its hub.
@Suite struct ForeignHubTests {
  /// An address at which something answers.
  private final class Place: Transport {
    typealias Answer = @Sendable (HubRequest) async throws -> HubResponse
    let address: String
    private let next: Place?
    private let answer: Answer
    private let seen = Mutex<[HubRequest]>([])

    /// - Parameter next: What its redirections lead to; nil: to itself.
    init(_ address: String, leadingTo next: Place? = nil, _ answer: @escaping Answer) {
      (self.address, self.next, self.answer) = (address, next, answer)
    }

    var calls: [HubRequest] { seen.withLock { $0 } }

    func send(_ request: HubRequest, timeoutMs: Int) async throws -> HubResponse {
      seen.withLock { $0.append(request) }
      return try await answer(request)
    }

    func following(_ location: String, of request: HubRequest) -> (any Transport)? {
      let place = next ?? self
      return location == place.address + request.target ? place : nil
    }

    static func hub(_ world: World, _ address: String) -> Place {
      Place(address) { try await world.transport.send($0, timeoutMs: 1000) }
    }
  }

  private static let html = ["content-type": "text/html"]

  private func redirection(_ status: Int, to base: String, _ request: HubRequest) -> HubResponse {
    HubResponse(status: status, headers: ["content-type": "text/html", "location": base + request.target])
  }

  private func note(_ device: Replica, _ id: String, _ text: String) async throws {
    try await device.execute("INSERT INTO note (id, unit, a) VALUES (?, '07201', ?)", [id, text])
  }

  @Test func aHubThatMovedIsFollowedAndRemembered() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await device.setHubAddress("http://old")
    try await note(device, "1", "x")
    let new = Place.hub(world, "https://new")
    let old = Place("http://old", leadingTo: new) { redirection(301, to: "https://new", $0) }
    let summary = try await device.sync(with: old)
    #expect(summary.movedTo == "https://new" && summary.progress.batchesSent == 1)
    #expect(try await device.enrolment()?.hubAddress == "https://new")
    #expect(old.calls.count == 1)
  }

  @Test func aTemporaryRedirectionIsFollowedAndNotStored() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await device.setHubAddress("http://old")
    let new = Place.hub(world, "https://new")
    let old = Place("http://old", leadingTo: new) { redirection(302, to: "https://new", $0) }
    #expect(try await device.sync(with: old).movedTo == nil)
    #expect(try await device.enrolment()?.hubAddress == "http://old")
  }

  /// In the middle of an exchange, on a call that carries something.
  @Test func aHubThatMovesMeanwhileIsFollowed() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await device.setHubAddress("http://old/")
    try await note(device, "1", "x")
    let new = Place.hub(world, "https://new")
    let old = Place("http://old", leadingTo: new) { request in
      request.method == "PUT" ? redirection(308, to: "https://new", request) : try await world.transport.send(request, timeoutMs: 1000)
    }
    let summary = try await device.sync(with: old)
    #expect(summary.movedTo == "https://new" && summary.progress.batchesSent == 1)
  }

  @Test func anotherHubIsNotFollowed() async throws {
    let (world, stranger) = (try await World(), try await World())
    let device = try await world.device("a")
    try await device.setHubAddress("http://old")
    try await note(device, "1", "x")
    let other = Place.hub(stranger, "https://other")
    let old = Place("http://old", leadingTo: other) { redirection(301, to: "https://other", $0) }
    let error = await #expect(throws: SyncError.self) { try await device.sync(with: old) }
    #expect(error?.code == .wrongHub && error?.mayPass == false)
    #expect(other.calls.map(\.target) == ["/v1/hub"])
    #expect(try await device.enrolment()?.hubAddress == "http://old")
    await #expect(throws: SyncError.self) { try await device.moveHub(to: other) }
    #expect(try await device.enrolment()?.hubAddress == "http://old")
    #expect(try await device.moveHub(to: Place.hub(world, "https://new")) == "https://new")
    #expect(try await device.enrolment()?.hubAddress == "https://new")
  }

  /// A place that asks for patience instead of proving itself is asked who it is, again and again, and given nothing.
  @Test func anUnprovedAddressGetsNoData() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await device.setHubAddress("http://old")
    try await note(device, "1", "x")
    let stranger = Place("https://stranger") { _ in HubResponse(status: 502, headers: Self.html) }
    let old = Place("http://old", leadingTo: stranger) { request in
      request.method == "PUT"
        ? redirection(301, to: "https://stranger", request) : try await world.transport.send(request, timeoutMs: 1000)
    }
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 3, delayFirstMs: 1, delayMaxMs: 1)
    let error = await #expect(throws: SyncError.self) { try await device.sync(with: old, options: options) }
    #expect(error?.code == .proxyTrouble)
    #expect(stranger.calls.count > 1 && stranger.calls.allSatisfy { $0.target == "/v1/hub" && $0.body.isEmpty }, "\(stranger.calls)")
    #expect(try await device.enrolment()?.hubAddress == "http://old")
  }

  @Test func aRingOfRedirectionsEnds() async throws {
    let world = try await World()
    let device = try await world.device("a")
    let ring = Place("http://ring") { redirection(301, to: "http://ring", $0) }
    let error = await #expect(throws: SyncError.self) { try await device.sync(with: ring) }
    #expect(error?.code == .loginPage && ring.calls.count <= TransportLimits.movesMax + 1)
  }

  @Test func aCodeIsNotSentToAnotherHost() async throws {
    let world = try await World()
    let code = try await world.hub.makeCode(scope: "07201", readScopes: ["07201"])
    let secure = Place.hub(world, "https://hub.example")
    let other = Place.hub(world, "https://elsewhere.example")
    let device = try world.replica("a")
    let away = Place("http://hub.example:81", leadingTo: other) { redirection(301, to: "https://elsewhere.example", $0) }
    let error = await #expect(throws: SyncError.self) { try await device.enroll(code: code, label: "", through: away) }
    #expect(error?.code == .moved && error?.explanation.en.contains("https://elsewhere.example") == true && other.calls.isEmpty)
    let plain = Place("http://hub.example", leadingTo: secure) { redirection(301, to: "https://hub.example", $0) }
    try await device.enroll(code: code, label: "", through: plain)
    #expect(try await device.enrolment()?.writeScope == "07201")
  }

  /// A proxy with a small bound: batches go in parts, packets and questions in smaller numbers.
  @Test func piecesShrinkBelowWhatAProxyTakes() async throws {
    let world = try await World()
    let device = try await world.device("a")
    var dice = SystemRandomNumberGenerator()
    for id in 0..<40 {
      let text = (0..<300).map { _ in String(dice.next(), radix: 36) }.joined()
      try await note(device, "\(id)", text)
    }
    for id in 0..<200 {
      try await device.execute("INSERT INTO answer (id, unit, day, words) VALUES (?, '07201', '2024-04-01', ?)", ["\(id)", "w\(id)"])
    }
    let bytesMax = 20_000
    let proxy = Place("http://proxy") { request in
      guard request.body.count <= bytesMax else { return HubResponse(status: 413, headers: Self.html) }
      return try await world.transport.send(request, timeoutMs: 1000)
    }
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 5, delayFirstMs: 1, delayMaxMs: 1)
    let summary = try await device.sync(with: proxy, options: options)
    #expect(summary.progress.batchesSent == 1 && summary.progress.packetsSent == 200)
    let bodies = proxy.calls.filter { $0.path.hasPrefix("/v1/batches/") && $0.method == "PUT" }.map(\.body.count)
    #expect(bodies.reduce(0, +) > 3 * bytesMax && bodies.count { $0 > bytesMax } <= 4, "\(bodies)")
    #expect(try await device.status().pendingChanges == 0)
    #expect(try await world.hubNotes().count == 40)
  }

  /// Smaller pieces are tried down to the smallest, and then the cause is said.
  @Test func aProxyThatTakesNotEvenTheSmallestPieceIsNamed() async throws {
    let world = try await World()
    let device = try await world.device("a")
    var dice = SystemRandomNumberGenerator()
    let text = (0..<30_000).map { _ in String(dice.next(), radix: 36) }.joined()
    try await note(device, "1", text)
    let proxy = Place("http://proxy") { request in
      guard request.body.isEmpty else { return HubResponse(status: 413, headers: Self.html) }
      return try await world.transport.send(request, timeoutMs: 1000)
    }
    var options = SyncOptions()
    options.retry = RetryPolicy(attemptsMax: 5, delayFirstMs: 1, delayMaxMs: 1)
    await #expect { _ = try await device.sync(with: proxy, options: options) } throws: {
      ($0 as? SyncError)?.explanation == ForeignAnswer.takesNothing.explanation
    }
    let bodies = proxy.calls.map(\.body.count)
    #expect(bodies.contains { $0 > 100_000 } && bodies.contains { $0 > 0 && $0 <= PieceSize.bytesMin }, "\(bodies)")
  }

  /// Each call's signature is of its own time: a hub that goes on for longer than a signature holds is not left.
  @Test func anExchangeMayLastLongerThanASignature() async throws {
    let world = try await World()
    let device = try await world.device("a")
    try await note(device, "1", "x")
    let slow = Place("http://slow") { request in
      if request.path != "/v1/hub" { world.clock.advance(10 * 60 * 1000) }
      return try await world.transport.send(request, timeoutMs: 1000)
    }
    let summary = try await device.sync(with: slow)
    #expect(summary.progress.batchesSent == 1)
    #expect(try await world.hubNotes().count == 1)
  }

  @Test func anAnswerThatIsNotAHubsIsExplained() async {
    func error(_ status: Int, _ headers: [String: String] = ForeignHubTests.html) async -> SyncError? {
      let place = Place("http://10.0.0.5:8080") { _ in HubResponse(status: status, headers: headers) }
      do { _ = try await place.exchange(HubRequest("GET", "/v1/hub")) } catch { return error as? SyncError }
      return nil
    }
    for status in [200, 511] {
      let found = await error(status)
      #expect(found?.code == .loginPage && found?.isRetryable == false && found?.mayPass == true)
    }
    for status in [408, 425, 429, 500, 502, 503, 504, 522, 530] {
      let found = await error(status)
      #expect(found?.code == .proxyTrouble && found?.isRetryable == true && found?.mayPass == true, "\(status)")
    }
    #expect(await error(503, ["content-type": "text/html", "retry-after": "7"])?.retryAfterSeconds == 7)
    #expect(await error(413)?.code == .cutSmaller)
    for status in [400, 401, 403, 404, 405, 302] {
      let found = await error(status)
      #expect(found?.code == .notAHub && found?.mayPass == false, "\(status)")
      #expect(found?.explanation.en.contains("http://10.0.0.5:8080") == true)
    }
    let moved = await error(301, ["location": "https://new/v1/hub"])
    #expect(moved?.code == .moved && moved?.moved == SyncError.Move(location: "https://new/v1/hub", isForGood: true))
    let sentences = Set([await error(200), await error(502), await error(413), await error(404), moved].compactMap { $0?.explanation.en })
    #expect(sentences.count == 5)
  }

  @Test func aRedirectionLeadsToTheSameCallOrNowhere() throws {
    let plain = try HTTPTransport(hub: "http://hub.example:8080/survey/")
    let call = HubRequest("GET", "/v1/feed?cursor=ab")
    func base(_ location: String, _ from: HTTPTransport) -> String? { from.following(location, of: call)?.address }
    #expect(base("https://new.example/v1/feed?cursor=ab", plain) == "https://new.example")
    #expect(base("https://new.example/x/v1/feed?cursor=ab", plain) == "https://new.example/x")
    #expect(base("/other/v1/feed?cursor=ab", plain) == "http://hub.example:8080/other")
    #expect(base("http://portal.example/login", plain) == nil)
    #expect(base("https://new.example/v1/feed", plain) == nil)
    #expect(base("ftp://new.example/v1/feed?cursor=ab", plain) == nil)
    // What was encrypted stays so.
    #expect(base("http://hub.example/v1/feed?cursor=ab", try HTTPTransport(hub: "https://hub.example")) == nil)
  }
}
