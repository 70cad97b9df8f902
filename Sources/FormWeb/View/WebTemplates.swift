/// The pages as mustache templates. Double braces escape; no triple braces are used.
///
/// A name that the innermost view leaves nil is looked up in the views around it: names are chosen so that none is found there.
enum WebTemplates {
  static let all = [
    "notice": notice, "page": page, "review": review, "received": received, "message": message, "again": again, "head": head,
    "hidden": hidden,
    "items": items, "run": run, "question": question, "repeated": repeated, "foot": "</main>\n</body>\n</html>\n",
  ]

  private static let head = """
    <!doctype html>
    <html lang="{{frame.lang}}">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{{frame.title}}</title>
    <link rel="stylesheet" href="/s/style.css">
    </head>
    <body>
    <a class="skip" href="#main">{{frame.skip}}</a>
    {{#frame.unit}}<header><p><strong>{{frame.unit}}</strong>{{#frame.district}}<span>{{frame.district}}</span>{{/frame.district}}</p></header>
    {{/frame.unit}}    <main id="main">

    """

  private static let hidden = """
    {{#hidden}}<input type="hidden" name="{{key}}" value="{{value}}">
    {{/hidden}}
    """

  private static let notice = """
    {{> head}}
    <p class="other">{{#frame.others}}<a lang="{{otherCode}}" hreflang="{{otherCode}}" href="?lang={{otherCode}}">{{otherName}}</a> {{/frame.others}}</p>
    <h1>{{formTitle}}</h1>
    <p class="soft">{{campaign}}</p>
    {{#opening}}<p class="note">{{#openingRuns}}{{> run}}{{/openingRuns}}</p>
    {{/opening}}<dl class="points">
    {{#points}}<div><dt>{{heading}}</dt><dd>{{text}}</dd></div>
    {{/points}}</dl>
    <p class="soft">{{length}}</p>
    <form method="post" action="{{frame.action}}" autocomplete="off">
    {{> hidden}}
    <p class="go"><button name="go" value="start">{{start}}</button></p>
    </form>
    {{> foot}}
    """

  private static let page = """
    {{> head}}
    <form method="post" action="{{frame.action}}" autocomplete="off" novalidate>
    <button class="enter" name="go" value="next" tabindex="-1" aria-hidden="true">{{next}}</button>
    {{> hidden}}
    <p class="step">{{step}} <progress value="{{stepNumber}}" max="{{stepCount}}" aria-hidden="true"></progress></p>
    <h1>{{heading}}</h1>
    {{#alert}}<div class="alert {{tone}}" role="alert" tabindex="-1" autofocus>
    <p>{{heading}}</p>
    <ul>
    {{#listed}}<li><a href="#{{target}}">{{question}}</a>{{#reason}}<br>{{reason}}{{/reason}}</li>
    {{/listed}}</ul>
    </div>
    {{/alert}}{{#items}}{{> items}}{{#repeated}}{{> repeated}}{{/repeated}}{{/items}}
    <p class="go"><button name="go" value="next">{{next}}</button>{{#back}}<button class="quiet" name="go" value="back">{{back}}</button>{{/back}}</p>
    <p class="other">{{#frame.others}}<button class="link" name="go" value="lang.{{otherCode}}" lang="{{otherCode}}">{{otherName}}</button> {{/frame.others}}</p>
    </form>
    {{> foot}}
    """

  private static let run =
    "{{#newLine}}<br>{{/newLine}}{{#plainRun}}{{plainRun}}{{/plainRun}}{{#strongRun}}<strong>{{strongRun}}</strong>{{/strongRun}}"
    + "{{#emphasisRun}}<em>{{emphasisRun}}</em>{{/emphasisRun}}{{#bothRun}}<strong><em>{{bothRun}}</em></strong>{{/bothRun}}"
    + "{{#linkRun}}<a href=\"{{address}}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">{{words}}</a>{{/linkRun}}"

  private static let items = """
    {{#caption}}<h2>{{#runs}}{{> run}}{{/runs}}</h2>
    {{/caption}}{{#note}}<p class="note">{{#runs}}{{> run}}{{/runs}}</p>
    {{/note}}{{#question}}{{> question}}{{/question}}{{#button}}<p><button class="{{buttonTone}}" name="go" value="{{buttonValue}}">{{buttonText}}</button></p>
    {{/button}}
    """

  private static let repeated = """
    <section class="repeat" id="{{anchor}}">{{#legend}}<h2>{{legend}}</h2>{{/legend}}
    {{#instances}}<fieldset class="filled"><legend>{{name}}</legend>
    {{#items}}{{> items}}{{/items}}
    {{#removal}}<p><button class="link" name="go" value="{{removal}}">{{remove}}</button></p>
    {{/removal}}    </fieldset>
    {{/instances}}{{#adds}}<p><button class="quiet" name="go" value="{{adds}}">{{add}}</button></p>{{/adds}}
    </section>

    """

  private static let question = """
    {{#choices}}<fieldset class="q{{tone}}" role="{{role}}"{{#describedBy}} aria-describedby="{{describedBy}}"{{/describedBy}}>
    <legend>{{#labelRuns}}{{> run}}{{/labelRuns}}{{#optional}} <small>({{optional}})</small>{{/optional}}</legend>
    {{#hint}}<p class="hint" id="{{anchor}}.hint">{{#runs}}{{> run}}{{/runs}}</p>{{/hint}}{{#several}}<p class="hint">{{several}}</p>{{/several}}{{#fault}}<p class="fault" id="{{anchor}}.fault">{{fault}}</p>{{/fault}}
    {{#options}}<label class="tap" for="{{anchor}}"><input type="{{input}}" name="{{field}}" id="{{anchor}}" value="{{value}}"{{#isChosen}} checked{{/isChosen}}><span>{{#labelRuns}}{{> run}}{{/labelRuns}}</span></label>
    {{/options}}</fieldset>
    {{/choices}}{{#select}}<div class="q{{tone}}"><label for="{{anchor}}">{{#labelRuns}}{{> run}}{{/labelRuns}}{{#optional}} <small>({{optional}})</small>{{/optional}}</label>
    {{#hint}}<p class="hint" id="{{anchor}}.hint">{{#runs}}{{> run}}{{/runs}}</p>{{/hint}}{{#fault}}<p class="fault" id="{{anchor}}.fault">{{fault}}</p>{{/fault}}
    <select name="{{field}}" id="{{anchor}}" autocomplete="off"{{#describedBy}} aria-describedby="{{describedBy}}"{{/describedBy}}{{#fault}} aria-invalid="true"{{/fault}}>
    {{#options}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{label}}</option>
    {{/options}}</select></div>
    {{/select}}{{#line}}<div class="q{{tone}}"><label for="{{anchor}}">{{#labelRuns}}{{> run}}{{/labelRuns}}{{#optional}} <small>({{optional}})</small>{{/optional}}</label>
    {{#hint}}<p class="hint" id="{{anchor}}.hint">{{#runs}}{{> run}}{{/runs}}</p>{{/hint}}{{#fault}}<p class="fault" id="{{anchor}}.fault">{{fault}}</p>{{/fault}}
    <input type="{{input}}"{{#mode}} inputmode="{{mode}}"{{/mode}} name="{{field}}" id="{{anchor}}" value="{{value}}" autocomplete="off" spellcheck="false"{{#describedBy}} aria-describedby="{{describedBy}}"{{/describedBy}}{{#fault}} aria-invalid="true"{{/fault}}></div>
    {{/line}}{{#area}}<div class="q{{tone}}"><label for="{{anchor}}">{{#labelRuns}}{{> run}}{{/labelRuns}}{{#optional}} <small>({{optional}})</small>{{/optional}}</label>
    {{#hint}}<p class="hint" id="{{anchor}}.hint">{{#runs}}{{> run}}{{/runs}}</p>{{/hint}}{{#fault}}<p class="fault" id="{{anchor}}.fault">{{fault}}</p>{{/fault}}
    <textarea name="{{field}}" id="{{anchor}}" rows="5" autocomplete="off" spellcheck="false"{{#describedBy}} aria-describedby="{{describedBy}}"{{/describedBy}}{{#fault}} aria-invalid="true"{{/fault}}>
    {{value}}</textarea></div>
    {{/area}}{{#order}}<fieldset class="q{{tone}}" role="group"{{#describedBy}} aria-describedby="{{describedBy}}"{{/describedBy}}>
    <legend>{{#labelRuns}}{{> run}}{{/labelRuns}}{{#optional}} <small>({{optional}})</small>{{/optional}}</legend>
    {{#hint}}<p class="hint" id="{{anchor}}.hint">{{#runs}}{{> run}}{{/runs}}</p>{{/hint}}{{#fault}}<p class="fault" id="{{anchor}}.fault">{{fault}}</p>{{/fault}}
    {{#rows}}<p><label for="{{rowAnchor}}">{{rowName}}</label> <select name="{{field}}" id="{{rowAnchor}}" autocomplete="off">
    {{#rowOptions}}<option value="{{value}}"{{#isChosen}} selected{{/isChosen}}>{{label}}</option>
    {{/rowOptions}}</select></p>
    {{/rows}}</fieldset>
    {{/order}}
    """

  private static let review = """
    {{> head}}
    <form method="post" action="{{frame.action}}" autocomplete="off">
    {{> hidden}}
    <h1>{{heading}}</h1>
    {{#problem}}<p class="alert bad" role="alert" tabindex="-1" autofocus>{{problem}}</p>{{/problem}}
    <p class="soft">{{lead}}</p>
    {{#sections}}<section class="part">
    <h2 id="p{{place}}">{{name}}</h2>
    <dl>
    {{#lines}}<div><dt>{{question}}</dt>{{#answer}}<dd>{{answer}}</dd>{{/answer}}{{^answer}}<dd class="soft">{{blank}}</dd>{{/answer}}{{#reason}}<dd class="fault">{{reason}}</dd>{{/reason}}</div>
    {{/lines}}</dl>
    <p><button class="quiet" name="go" value="page.{{place}}" aria-describedby="p{{place}}">{{edit}}</button></p>
    </section>
    {{/sections}}
    <p class="go">{{#send}}<button name="go" value="send">{{send}}</button>{{/send}}<button class="quiet" name="go" value="back">{{back}}</button></p>
    <p class="other">{{#frame.others}}<button class="link" name="go" value="lang.{{otherCode}}" lang="{{otherCode}}">{{otherName}}</button> {{/frame.others}}</p>
    </form>
    {{> foot}}
    """

  private static let received = """
    {{> head}}
    <h1>{{heading}}</h1>
    <p>{{thanks}}</p>
    <p class="note">{{closePage}}</p>
    {{> foot}}
    """

  private static let again = """
    {{> head}}
    {{#message}}<h1>{{heading}}</h1>
    <p>{{text}}</p>
    <div lang="en">
    <h2>{{headingEnglish}}</h2>
    <p>{{textEnglish}}</p>
    </div>
    {{/message}}<form method="post" action="{{frame.action}}" autocomplete="off">
    {{> hidden}}
    <p class="go"><button name="go" value="{{pressed}}">{{again}}</button></p>
    </form>
    {{> foot}}
    """

  private static let message = """
    {{> head}}
    <h1>{{heading}}</h1>
    <p>{{text}}</p>
    <div lang="en">
    <h2>{{headingEnglish}}</h2>
    <p>{{textEnglish}}</p>
    </div>
    {{> foot}}
    """
}
