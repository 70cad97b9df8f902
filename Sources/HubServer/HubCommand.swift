internal import ArgumentParser
internal import Hummingbird
internal import Mustache

@main struct HubCommand: ParsableCommand {}
