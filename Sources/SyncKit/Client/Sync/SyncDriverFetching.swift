internal import Foundation
internal import SyncCore
internal import SyncStore

/// Steps that fetch and apply: pages of the feed and of snapshots.
extension SyncDriver {
  func pull() async throws -> SyncSession.Event {
    let status = try await replica.status()
    let cursor = try await replica.engineRead { try $0.state.value("cursor").blob ?? Data() }
    var target = "/v1/feed?cursor=\(cursor.base64URL)&backlog=\(status.pendingChanges + status.sealedChanges)"
    target += "&packets=\(status.packetsWaiting)&skewMs=\(summary.skewMs)"
    let secrets = try replica.secrets()
    target += "&unitKey=\(secrets.unitKeyID.bytes.base64URL)&sealTo=\(try BundleKey.devicePublic(secrets.signingKey).base64URL)"
    func fetch(_ bytesMax: Int?) async throws -> HubResponse {
      try await exchangeSigned(HubRequest("GET", target + (bytesMax.map { "&bytesMax=\($0)" } ?? "")))
    }
    let response: HubResponse
    let asked = callRoom
    do {
      do { response = try await fetch(asked) } catch let error as SyncError where error.code == .tooLarge && asked != room {
        // Fetches the whole page, because it cannot be divided further.
        response = try await fetch(room)
      }
    } catch let error as SyncError where error.code == .tooLarge {
      guard room != nil else { throw error }
      summary.bytesNeeded = error.expected.map { Int(clamping: $0) + 2 * Self.callBytesMax }
      return budgetSpent()
    }
    let hub = try await replica.hubKey()
    let page = try PageCodec.open(response.body, hub: hub)
    // Checks the incarnation again: another device may have proved to the hub meanwhile that it was restored.
    guard try await replica.engineRead({ try $0.state.value("incarnation").blob }) == page.incarnation else { return .lifeChanged }
    let result = try await replica.apply(page, bytes: response.body, after: cursor)
    if let unitKey = page.unitKey { try await replica.take(unitKey, hub: hub.replica) }
    summary.progress.unitsApplied += result.applied.units
    summary.progress.acknowledged += result.applied.acknowledged
    summary.notices += result.applied.notices
    if result.applied.acknowledged > 0 || result.sealedMore { hasMoved = true }
    note(page)
    return .pulled(head: page.isHead && !result.applied.beginsAnew, sealedMore: result.sealedMore)
  }

  private func note(_ page: PageContent) {
    let known = Set(summary.changed)
    for change in page.units.flatMap(\.changes) {
      guard summary.changed.count < SyncSummary.changedMax else { return }
      let row = SyncedRow(table: change.table, key: change.key.text ?? "")
      if !known.contains(row) && summary.changed.last != row { summary.changed.append(row) }
    }
  }

  /// Fetches one page of a snapshot. Begins the snapshot again when the hub does not know its continuation.
  func fetch(_ scope: String) async throws -> SyncSession.Event {
    let (cursor, place) = try await replica.engineRead { transaction in
      (try transaction.state.value("cursor").blob ?? Data(), try SnapshotCursor(session: transaction.session).next(scope: scope))
    }
    var target = "/v1/snapshot?scope=\(scope.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? scope)"
    target += "&cursor=\(cursor.base64URL)&next=\(place.base64URL)"
    if let bytes = piece.bytes { target += "&bytesMax=\(bytes)" }
    let response: HubResponse
    do { response = try await exchangeSigned(HubRequest("GET", target)) } catch let error as SyncError where error.code == .badCursor {
      guard !place.isEmpty else { throw error }
      try await replica.engineWrite { try SnapshotCursor(session: $0.session).set(Data(), scope: scope) }
      return .fetched(isLast: false, sealedMore: false)
    }
    let page = try SnapshotCodec.open(response.body, hub: try await replica.hubKey())
    guard page.scope.utf8.elementsEqual(scope.utf8) else { throw ByteReader.short }
    let result = try await replica.apply(page, after: cursor, place: place)
    summary.progress.rowsFetched += page.rows.count
    summary.progress.acknowledged += page.acknowledgements.count
    if let notice = result.notice { summary.notices.append(notice) }
    return .fetched(isLast: page.next.isEmpty, sealedMore: result.sealedMore)
  }
}
