/// What can go wrong in a simulation. Each is an option of its own, and counted when it took effect.
enum Fault: String, CaseIterable, Sendable {
  // The network.
  case requestLost, requestDelayed, requestCut, requestFlipped, repeated, answerLost, answerLate, answerCut, answerFlipped, portal,
    partition
  // Machines and their disks.
  case deviceKilled, hubKilled, deviceDiskFull, hubDiskFull, exchangeAbandoned
  // Time.
  case deviceClockJump, hubClockJump
  // Ways of batches.
  case courier, courierOutOfOrder, bundle, bundleReturned
  // The hub's log does not reach back for ever.
  case logCleared
  // Programs of two ages.
  case oldClient, oldHub
  // Identity and history.
  case revocation, clone, deviceRestored, hubRestored
  // A hub put back to any copy ever made of it, also to one that devices kept nothing for.
  case oldBackup
}

/// One thing that happens. Its own seed decides its details, so that leaving others out changes nothing about it.
struct Step: Sendable, Hashable {
  enum Kind: String, Sendable, CaseIterable {
    /// A person writes on a device; an anonymous answer; the hub's operator writes.
    case write, answer, hubWrite
    /// Somebody at a device, or the hub's operator, decides about a conflict or takes a decision back.
    case decide, hubDecide
    /// The operator retries, repairs or declines what the hub holds.
    case moveHeld
    /// The operator decides about batches of a revoked device.
    case decideLate
    /// A device exchanges with the hub: to the end, or one action further.
    case exchange, act
    /// What the network held back arrives.
    case lateRequest, lateAnswer
    /// A batch is copied to a carrier, or a carrier brings what it has.
    case courierTakes, courierBrings
    /// A device writes a bundle; somebody brings bundles to the hub; a return reaches a device.
    case bundleTakes, bundleArrives, bundleReturns
    /// A device or the hub dies in the midst of its work, or is switched off and on.
    case kill, killHub, restart, restartHub
    case fillDisk, freeDisk, fillHubDisk, freeHubDisk
    case clock, hubClock, partition
    /// A newer program with one more column.
    case upgrade, upgradeHub
    case revoke
    case clearLog
    /// A copy of a device's or the hub's store is put aside, or takes the place of the store.
    case keepCopy, keepHubCopy, cloneDevice, restoreDevice, restoreHub
  }

  var kind: Kind
  var device: Int
  var seed: UInt64
}

/// A whole run, made from a seed and replayable with steps left out.
struct Scenario: Sendable {
  struct Options: Sendable {
    var faults = Fault.known
    var deviceCount = 5
    var stepCount = 300
    /// How often a message meets a fault of the network.
    var badLuck = 0.15
    /// Whether there is work on rows that are tied to one another: see `Tables.linked`.
    var isLinked = false
    /// Whether devices have photos: see `Photos`.
    var hasPhotos = false
  }

  let seed: UInt64
  let options: Options
  let steps: [Step]
  /// Numbers of the steps that are not left out; nil for all.
  var kept: [Int]?

  init(seed: UInt64, options: Options = Options()) {
    self.seed = seed
    var options = options
    // What came in bulk cannot be given back to a hub that was put back to before it: a journal is trimmed only once a backup
    // holds it, which is not how these copies are made. So a seed has the one or the other.
    if options.faults.isSuperset(of: [.logCleared, .hubRestored]) { options.faults.remove(seed % 2 == 0 ? .hubRestored : .logCleared) }
    self.options = options
    var dice = Dice(seed: derive(seed, 1))
    let kinds = Self.weights(options)
    steps = (0..<options.stepCount).map { _ in
      Step(kind: dice.pick(weighted: kinds), device: dice.below(options.deviceCount), seed: dice.next())
    }
  }

  private static func weights(_ options: Options) -> [(weight: Int, value: Step.Kind)] {
    let faults = options.faults
    var kinds: [(weight: Int, value: Step.Kind)] = [
      (100, .write), (8, .answer), (8, .hubWrite), (6, .decide), (3, .hubDecide), (options.isLinked ? 3 : 0, .moveHeld), (45, .exchange),
      (40, .act),
      (3, .restart),
      (1, .restartHub),
    ]
    func add(_ kind: Step.Kind, _ weight: Int, if fault: Fault...) {
      if fault.contains(where: faults.contains) { kinds.append((weight, kind)) }
    }
    add(.lateRequest, 8, if: .requestDelayed)
    add(.lateAnswer, 6, if: .answerLate)
    add(.courierTakes, 8, if: .courier)
    add(.courierBrings, 6, if: .courier)
    add(.bundleTakes, 8, if: .bundle)
    add(.bundleArrives, 6, if: .bundle)
    add(.bundleReturns, 8, if: .bundle)
    add(.kill, 10, if: .deviceKilled)
    add(.killHub, 6, if: .hubKilled)
    add(.fillDisk, 3, if: .deviceDiskFull)
    add(.freeDisk, 4, if: .deviceDiskFull)
    add(.fillHubDisk, 1, if: .hubDiskFull)
    add(.freeHubDisk, 3, if: .hubDiskFull)
    add(.clock, 6, if: .deviceClockJump)
    add(.hubClock, 2, if: .hubClockJump)
    add(.partition, 4, if: .partition)
    add(.upgrade, 3, if: .oldClient)
    add(.upgradeHub, 2, if: .oldHub)
    add(.revoke, 1, if: .revocation)
    add(.decideLate, 2, if: .revocation)
    add(.clearLog, 3, if: .logCleared)
    add(.keepCopy, 4, if: .clone, .deviceRestored)
    add(.cloneDevice, 1, if: .clone)
    add(.restoreDevice, 1, if: .deviceRestored)
    add(.keepHubCopy, 3, if: .hubRestored)
    add(.restoreHub, 1, if: .hubRestored)
    add(.keepHubCopy, 5, if: .oldBackup)
    add(.restoreHub, 4, if: .oldBackup)
    return kinds
  }
}

extension Fault {
  /// What the engine is known to bear. A new fault is left out until it does.
  static let known: Set<Fault> = Set(allCases).subtracting(bundles).subtracting([.oldBackup])

  /// What travels as files; a campaign of its own, so that the stories of other seeds stay what they are.
  static let bundles: Set<Fault> = [.bundle, .bundleReturned]
}
