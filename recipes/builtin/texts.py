"""Sentences to speak, written for this recipe, in the languages of the synthesizers and the recordings."""

import numpy as np

SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "The ferry leaves at seven, so pack the blue bag tonight.",
        "I never thought the old bridge would survive that winter.",
        "Could you transfer the money before lunch? It is rather urgent.",
        "Nineteen people signed the letter, and only four of them read it.",
        "Our neighbour's dog barks at the moon, the postman and the radio.",
        "Please confirm the code on your screen; it has six digits.",
        "She measured the garden twice and still bought too many bricks.",
        "After the storm we found a kite, two umbrellas and somebody's hat.",
        "Why would anyone paint a lighthouse green?",
        "The committee meets on the third Thursday of every month.",
        "Grandma, it's me, I lost my phone and I need your help.",
        "Put the kettle on, the guests will be here in a minute.",
    ),
    "de": (
        "Der Zug nach Leipzig fährt heute von Gleis zwölf ab.",
        "Könnten Sie mir bitte die Rechnung noch einmal schicken?",
        "Im Keller stehen drei Kisten mit alten Büchern.",
        "Meine Schwester hat gestern einen Igel im Garten gesehen.",
        "Bitte überweisen Sie den Betrag bis zum Freitag.",
        "Nach dem Regen roch die ganze Straße nach Lindenblüten.",
    ),
    "fr": (
        "Le boulanger du coin ferme toujours à midi le lundi.",
        "Pourriez-vous me rappeler demain matin, s'il vous plaît ?",
        "Il reste trois places dans le train de nuit pour Nice.",
        "Ma voisine cultive des tomates sur son balcon.",
        "Nous avons perdu les clés quelque part sur la plage.",
        "Le code de la porte a changé hier soir.",
    ),
    "es": (
        "El autobús de las nueve casi siempre llega tarde.",
        "¿Me puede confirmar la dirección de entrega?",
        "Mi abuelo guardaba las cartas en una caja de zapatos.",
        "Necesito que me envíes el dinero antes del mediodía.",
        "En la plaza hay un mercado de flores los domingos.",
        "Nadie sabía quién había apagado la luz.",
    ),
    "it": (
        "Il treno per Bologna parte dal binario quattro.",
        "Mi potrebbe ripetere il numero, per favore?",
        "La nonna prepara il pane ogni sabato mattina.",
        "Abbiamo dimenticato gli ombrelli al ristorante.",
        "Domani la biblioteca resta chiusa tutto il giorno.",
    ),
    "ru": (
        "Поезд отправляется с третьего пути через десять минут.",
        "Позвоните мне, пожалуйста, завтра после обеда.",
        "В старом саду зацвели яблони и вишни.",
        "Мы забыли ключи на столе в кухне.",
        "Сколько стоит билет до конечной станции?",
    ),
    "cs": (
        "Vlak do Brna odjíždí z druhého nástupiště.",
        "Mohl byste mi to prosím zopakovat?",
        "Na zahradě kvetou růže a zrají třešně.",
        "Zítra večer půjdeme všichni do divadla.",
    ),
    "nl": (
        "De trein naar Utrecht vertrekt vandaag van spoor vijf.",
        "Kunt u het bedrag nog één keer noemen?",
        "Mijn buurman heeft gisteren een nieuwe fiets gekocht.",
        "Op zondag drinken we koffie in de tuin.",
    ),
    "pt": (
        "O elétrico para a praia passa de dez em dez minutos.",
        "Pode enviar-me o contrato ainda hoje?",
        "A minha tia faz o melhor bolo de laranja da rua.",
    ),
    "pl": (
        "Pociąg do Gdańska odjeżdża z peronu drugiego.",
        "Czy może pan powtórzyć numer konta?",
        "Wczoraj w parku spotkałem starego nauczyciela.",
    ),
    "sv": ("Tåget mot Uppsala går från spår sex.", "Kan du ringa mig i morgon bitti?"),
    "hu": ("A vonat a második vágányról indul.", "Kérem, hívjon vissza holnap délután."),
    "tr": ("Tren üçüncü perondan on dakika sonra kalkıyor.", "Lütfen yarın öğleden sonra beni arayın."),
    "hi": ("गाड़ी दस मिनट में तीसरे प्लेटफ़ॉर्म से चलेगी।", "कृपया मुझे कल दोपहर के बाद फ़ोन करें।"),
    "ja": (
        "次の電車は三番線から十分後に出発します。",
        "明日の午後、もう一度お電話ください。",
        "祖母は毎週土曜日にパンを焼きます。",
        "図書館は月曜日が休みです。",
        "机の上に鍵を忘れてきました。",
        "駅までの道を教えていただけますか。",
        "古い庭に桜の花が咲きました。",
    ),
    "fi": (
        "Juna Tampereelle lähtee raiteelta neljä.",
        "Voisitko soittaa minulle huomenna iltapäivällä?",
        "Avaimet jäivät keittiön pöydälle.",
        "Kirjasto on suljettu maanantaisin.",
        "Mummo leipoo leipää joka lauantai.",
    ),
    "ca": (
        "El tren cap a Girona surt de la via quatre.",
        "Em podria trucar demà a la tarda?",
        "Hem deixat les claus sobre la taula de la cuina.",
        "La biblioteca tanca els dilluns.",
        "L'àvia fa pa cada dissabte al matí.",
    ),
    "cmn": (
        "今天的会议改到星期四下午。",
        "钥匙忘在厨房的桌子上了。",
        "奶奶每个星期六早上都做面包。",
        "请告诉我去图书馆怎么走。",
        "昨天晚上下了一场很大的雨。",
        "他把绿色的自行车卖给了邻居。",
        "火车十分钟后从三号站台出发。",
        "请你明天下午给我打电话。",
    ),
}


def sentence(language: str, rng: np.random.Generator) -> str:
    """One or two sentences of a language at random; English has numbers and names mixed in."""
    lines = SENTENCES[language]
    text = str(rng.choice(lines))
    if rng.random() < 0.4:
        text += " " + str(rng.choice(lines))
    if language == "en" and rng.random() < 0.3:
        text += f" The number is {rng.integers(100, 99_999)}."
    return text
