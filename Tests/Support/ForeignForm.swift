import Foundation

/// A questionnaire with what forms of the world have and ours did not: walked on the page and in the terminal.
public enum ForeignForm {
  public static let survey = """
    type,name,label,label::Français (fr),hint,repeat_count,parameters
    note,intro,Welcome **dear** reader,Bienvenue,,,
    text,nm,What is your name?,Quel est votre nom ?,,,
    integer,n,"How many children, ${nm}?","Combien d'enfants, ${nm} ?",See [help](https://example.org/x),,
    begin repeat,kid,Child,Enfant,,${n},
    integer,age,Age of a child of ${nm}?,Âge ?,,,
    begin repeat,toy,Toys at age ${age},Jouets à ${age} ans,,,
    text,what,Which toy at age ${age}?,Quel jouet ?,,,
    end repeat,,,,,,
    end repeat,,,,,,
    rank fruit,order,Order these,Classez,,,
    select_one yn or_other,ok,Fine?,Bien ?,,,
    acknowledge,read,Read?,Lu ?,,,
    range,rate,Rate it,Notez,,,start=0 end=5 step=1

    """
  public static let choices = """
    list_name,name,label,label::Français (fr)
    fruit,a,Apple,Pomme
    fruit,b,Banana,Banane
    yn,y,Yes,Oui
    yn,n,No,Non

    """

  public static func settings(id: String, version: String) -> String { "form_title,form_id,version\nForeign,\(id),\(version)\n" }

  /// Answers of the whole form, as they are stored.
  public static let stored =
    #"{"kid":[{"age":3},{"age":5,"toy":[{"what":"Car"}]}],"n":2,"nm":"An","ok":"other","ok_other":"Maybe","order":["b","a"],"rate":4,"read":"OK"}"#
}
