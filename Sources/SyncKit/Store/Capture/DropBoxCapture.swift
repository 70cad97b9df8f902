package import Foundation
package import GRDB
internal import SwiftProtobuf
package import SyncCore
internal import Synchronization

/// Keys for encrypting an anonymous insert, which the SQL function that makes the packet reads.
package final class DropBoxContext: Sendable {
  package struct Keys: Sendable {
    package var dropKeys: DropKeys
    package var unitKey: Data

    package init(dropKeys: DropKeys, unitKey: Data) {
      self.dropKeys = dropKeys
      self.unitKey = unitKey
    }
  }

  private struct State {
    var keys: Keys?
    var shapes: [String: TableShape] = [:]
  }

  private let state = Mutex(State())
  package let order = PacketOrder()

  package init() {}

  package func set(_ keys: Keys?) { state.withLock { $0.keys = keys } }
  package func declare(_ shape: TableShape) { state.withLock { $0.shapes[shape.name] = shape } }

  /// Adds `synckit_packet(table, scope, value, …)`: returns the packet's bytes. Values are in the order of the table's columns.
  package func install(in configuration: inout Configuration) {
    let function = DatabaseFunction("synckit_packet", argumentCount: nil) { [self] values in
      guard values.count >= 3, let table = String.fromDatabaseValue(values[0]), let scope = String.fromDatabaseValue(values[1]) else {
        throw DatabaseError(message: "synckit:badValue")
      }
      let (keys, shape) = state.withLock { ($0.keys, $0.shapes[table]) }
      guard let keys else { throw DatabaseError(message: "synckit:noDropKey") }
      guard let shape, shape.packetColumns.count == values.count - 2 else { throw DatabaseError(message: "synckit:badValue") }
      order.packetMade()
      let cells = zip(shape.packetColumns, values.dropFirst(2)).map { (column: $0, value: CellValue($1)) }
      let dropKey = keys.dropKeys.key(forForm: shape.form(of: cells))
      do {
        return try Packets.make(table: table, cells: cells, scope: scope, dropKey: dropKey, unitKey: keys.unitKey).serializedData()
      } catch is SyncError {
        throw DatabaseError(message: "synckit:badValue")
      }
    }
    let isPutOff = DatabaseFunction("synckit_order_put_off", argumentCount: 0) { [order] _ in order.isPutOff }
    configuration.prepareDatabase { db in
      db.add(function: function)
      db.add(function: isPutOff)
    }
  }
}

extension TableShape {
  /// Order in which an anonymous row's values enter its packet: the key, then the other columns.
  package var packetColumns: [String] { [keyColumn] + columns.map(\.name) }
}

/// Triggers that turn an insert into an anonymous table into a packet, in the writer's transaction. The row itself is never
/// written, so no page of the database or its journal ever holds the answer. All packets are rewritten in the order of their keys,
/// so that no page tells which came first: see `PacketOrder`.
package enum DropBoxTriggers {
  package static let schema = """
    CREATE TABLE IF NOT EXISTS sync_packet (
      id BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, bytes BLOB NOT NULL, kept INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sync_packet_aside (
      id BLOB PRIMARY KEY NOT NULL, scope TEXT NOT NULL, bytes BLOB NOT NULL, kept INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    INSERT OR IGNORE INTO sync_state (name, value) VALUES ('packetsMade', 0);
    """

  static func statements(_ shape: TableShape) -> [(name: String, sql: String)] {
    let scope = "NEW." + quote(shape.declaration.scopeColumn)
    let values = shape.packetColumns.map { "NEW." + quote($0) }.joined(separator: ", ")
    let insert = "sync_packet_\(shape.name)_insert"
    let update = "sync_packet_\(shape.name)_update"
    return [
      (
        insert,
        """
        CREATE TRIGGER "\(insert)" BEFORE INSERT ON \(quote(shape.name)) WHEN synckit_txn() IS NOT NULL BEGIN
          SELECT RAISE(ABORT, 'synckit:badValue') WHERE \(CaptureTriggers.badValue(shape));
          SELECT RAISE(ABORT, 'synckit:wrongScope') WHERE NOT EXISTS (SELECT 1 FROM sync_scope WHERE code = \(scope) AND writable = 1);
          INSERT INTO sync_packet (id, scope, bytes) VALUES (randomblob(16), \(scope), synckit_packet('\(shape.name)', \(scope), \(values)));
          INSERT INTO sync_packet_aside SELECT id, scope, bytes, kept FROM sync_packet WHERE NOT synckit_order_put_off();
          DELETE FROM sync_packet WHERE NOT synckit_order_put_off();
          INSERT INTO sync_packet SELECT id, scope, bytes, kept FROM sync_packet_aside ORDER BY id;
          DELETE FROM sync_packet_aside;
          UPDATE sync_state SET value = value + 1 WHERE name = 'packetsMade';
          SELECT RAISE(IGNORE);
        END
        """
      ),
      (
        update,
        """
        CREATE TRIGGER "\(update)" BEFORE UPDATE ON \(quote(shape.name)) BEGIN
          SELECT RAISE(ABORT, 'synckit:anonymousReadOnly');
        END
        """
      ),
    ]
  }
}

extension TableShape {
  /// Returns the form that an anonymous row answers: its form column up to `@`, after which a version follows. Nil when the column
  /// names none.
  package func form(of cells: some Sequence<(column: String, value: CellValue)>) -> String? {
    guard let name = declaration.formColumn, let text = cells.first(where: { $0.column == name })?.value.text else { return nil }
    return text.prefix { $0 != "@" }.isEmpty ? nil : String(text.prefix { $0 != "@" })
  }
}
