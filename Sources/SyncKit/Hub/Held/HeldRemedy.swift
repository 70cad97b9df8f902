public import SyncCore

extension HeldUnit {
  /// Remedy for the operator.
  public var remedy: LocalizedText {
    let told = detail.split(separator: " ")
    if told.count == 2, let why = UnitFault.Why(rawValue: String(told[1])) { return why.remedy(at: String(told[0])) }
    if let why = UnitFault.Why(rawValue: detail) { return why.remedy(at: "") }
    return switch HeldReason(rawValue: reason) {
    case .size:
      LocalizedText(vi: "lớn quá mọi giới hạn: từ chối (decline)", en: "larger than every bound: decline it")
    case .schema:
      LocalizedText(
        vi: "máy chủ chưa biết bảng hoặc cột này: nâng cấp rồi thử lại (retry), hoặc từ chối",
        en: "this hub does not know the table or column: upgrade and retry, or decline")
    case .readOnly:
      LocalizedText(
        vi: "thiết bị không được ghi bảng này, nâng cấp cũng vậy: từ chối (decline)",
        en: "devices may not write this table, whatever their version: decline it")
    case .value:
      LocalizedText(
        vi: "giá trị không hợp với cột: sửa (repair \(setting(detail))) hoặc từ chối",
        en: "the value does not fit its column: repair (\(setting(detail))) or decline")
    case .scope:
      LocalizedText(
        vi: "khóa này là của đơn vị khác, hay bị đơn vị khác lấy: trả khóa (free), sửa bằng khóa mới (repair --key MỚI) hoặc từ chối",
        en: "the key is another unit's, or taken by one: free it, repair with a new key (--key NEW), or decline")
    case .life:
      LocalizedText(vi: "số lần xóa và lập lại quá xa: từ chối", en: "its count of births and deaths is too far ahead: decline it")
    case .incomplete:
      LocalizedText(
        vi: "thiếu đơn vị của dòng: sửa (repair --set) hoặc từ chối", en: "the row's unit is missing: repair (--set) or decline")
    case .parent:
      LocalizedText(
        vi: "chờ dòng mà nó nhắc tới; tự tiếp khi dòng đó đến, hoặc sửa, hoặc từ chối",
        en: "it waits for the row it refers to and goes on when that comes; or repair it, or decline")
    case .behind:
      LocalizedText(vi: "chờ việc bị giữ trước nó của cùng thiết bị", en: "it waits behind earlier held work of the same device")
    case .name, .generation, .repeated, nil: LocalizedText(vi: "thử lại hoặc từ chối", en: "retry or decline")
    }
  }
}

/// Returns the option by which a repair gives a column its value.
private func setting(_ place: String) -> String {
  let column = place.split(separator: ".", maxSplits: 1).dropFirst().first.map(String.init)
  return "--set \(column ?? "COLUMN")=…"
}

extension UnitFault.Why {
  /// Returns what is wrong at a place, and the remedy.
  fileprivate func remedy(at place: String) -> LocalizedText {
    let (explained, way) = (explanation, way(at: place))
    return LocalizedText(vi: "\(explained.vi): \(way.vi)", en: "\(explained.en): \(way.en)")
  }

  private func way(at place: String) -> LocalizedText {
    switch self {
    case .nfc, .units:
      return LocalizedText(vi: "nhận như đã đọc (repair --as-read) hoặc từ chối", en: "take it as read (repair --as-read) or decline")
    case .columns, .life, .name: return LocalizedText(vi: "từ chối (decline)", en: "decline it")
    case .newer:
      return LocalizedText(
        vi: "nâng cấp máy chủ rồi thử lại (retry), sửa hoặc từ chối", en: "upgrade the hub and retry, repair, or decline")
    default:
      let repair = place.contains(".") ? setting(place) : "--key NEW"
      return LocalizedText(vi: "sửa (repair \(repair)) hoặc từ chối", en: "repair (\(repair)) or decline")
    }
  }

  private var explanation: LocalizedText {
    switch self {
    case .name: LocalizedText(vi: "tên bảng hoặc cột không dùng được", en: "the name of a table or column cannot be one")
    case .nfc: LocalizedText(vi: "tên mục không viết theo NFC", en: "the name of a member is not in NFC")
    case .utf8: LocalizedText(vi: "chữ không phải UTF-8", en: "a text is not UTF-8")
    case .zeroByte: LocalizedText(vi: "có byte 0 trong chữ", en: "a text holds a zero byte")
    case .notANumber: LocalizedText(vi: "số không phải là số (NaN)", en: "a number is not a number (NaN)")
    case .json: LocalizedText(vi: "không phải đối tượng JSON", en: "it is no JSON object")
    case .member: LocalizedText(vi: "một mục có hai giá trị", en: "one member is told twice")
    case .kind: LocalizedText(vi: "ô sai kiểu", en: "the cell is of another kind than its column says")
    case .unreadable: LocalizedText(vi: "cột không đọc được", en: "the column cannot be read")
    case .increment: LocalizedText(vi: "phần cộng thêm quá lớn hoặc ghi hai lần", en: "an increment is too large or told twice")
    case .long: LocalizedText(vi: "giá trị dài quá 1 MiB", en: "the value is over 1 MiB")
    case .longKey: LocalizedText(vi: "khóa dài quá 256 byte", en: "the key is over 256 bytes")
    case .key: LocalizedText(vi: "không thể là khóa", en: "it cannot be a key")
    case .parts: LocalizedText(vi: "quá nhiều mục trong một ô", en: "too many parts in one cell")
    case .columns: LocalizedText(vi: "quá nhiều cột", en: "too many columns")
    case .units: LocalizedText(vi: "quá nhiều việc trong một gói", en: "too many units in one batch")
    case .life: LocalizedText(vi: "số lần xóa và lập lại không thể có", en: "its count of births and deaths cannot be")
    case .deletion: LocalizedText(vi: "vừa xóa dòng vừa ghi giá trị", en: "a deletion brings values")
    case .generation: LocalizedText(vi: "số lần quyết định không thể có", en: "its count of resolutions cannot be")
    case .twice: LocalizedText(vi: "ghi một ô hai lần", en: "one cell is written twice")
    case .newer: LocalizedText(vi: "kiểu dữ liệu của phiên bản mới hơn", en: "it is of a kind that only newer programs know")
    }
  }
}

extension UnitFault {
  /// True when the fault is in the row's key, and a new key settles it.
  var isOfKey: Bool {
    switch why {
    case .utf8, .zeroByte, .unreadable, .newer, .key, .longKey: column.isEmpty
    default: false
    }
  }
}
