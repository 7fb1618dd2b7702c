"""What the pretend model says in Spanish, Portuguese, French and German."""

SPANISH = {
    "hours": """\
Abrimos de lunes a viernes de 9:00 a 18:30 h, y los sábados de 10:00 a 16:00 h. Los domingos la \
tienda está cerrada, pero el taller de al lado recibe reparaciones hasta el mediodía. La Sra. \
Ibáñez, que afila cuchillos, viene solo los miércoles; tráigalos envueltos en un paño, por favor. \
Estamos en la calle del Puerto n.º 14, a dos minutos de la antigua parada del transbordador. \
Detrás del edificio hay aparcamiento por **1,50 € la hora**. En las fiestas cerramos antes de lo \
normal, es decir, a las 14:00 h. ¿Quiere que le guarde algo hasta que venga?""",
    "order": """\
¡Gracias por preguntar! Ya lo he mirado. Su pedido salió ayer a las 16:45 h de nuestro almacén y \
esa misma tarde lo recogió el mensajero. Lleva dos artículos: la *sartén de hierro de 26 cm* y un \
bote de pimentón ahumado, en total **64,90 €** con el envío incluido. Los paquetes a su zona \
tardan dos o tres días laborables, así que debería llegar el jueves o, como muy tarde, el viernes. \
Si no hay nadie en casa, el repartidor deja un aviso y puede recogerlo en la tienda de la esquina, \
p. ej. al salir del trabajo. ¿Quiere cambiar algo de la entrega?""",
    "return": """\
Por supuesto, devolver un artículo es muy sencillo. Tiene 30 días desde que recibió el paquete y \
no hace falta que nos diga el motivo. Se hace así:

1. Meta el artículo en su caja, con las piezas pequeñas y el folleto.
2. Escriba el número de pedido en la hoja que venía dentro (empieza por SK-).
3. Llévelo a cualquier punto de entrega, o pídanos que lo recojan por 3,90 €.

En cuanto lo tengamos aquí lo revisamos, lo que lleva uno o dos días, y le devolvemos el dinero a \
la tarjeta con la que pagó. Si llegó roto, **no lo envíe todavía**: basta con una foto y le \
mandamos otro enseguida. ¿Le preparo ya la etiqueta?""",
    "other": """\
¡Hola y gracias por escribir a Saltmarsh Kitchen! Somos una tienda pequeña de sartenes, cuchillos \
y especias, y yo soy el asistente que responde aquí a cualquier hora. Puedo decirle cuándo \
abrimos, buscar un pedido o ayudarle con una devolución. Mucha gente pregunta por nuestra sartén \
de hierro: cuesta **49,00 €**, dura toda la vida y la tenemos en dos tamaños (26 y 30 cm). Sirve \
para gas, para inducción y también para el fuego de leña. Si prefiere hablar con una persona, \
dígamelo, y alguien del equipo le escribirá por aquí. ¿En qué puedo ayudarle hoy?""",
}

PORTUGUESE = {
    "hours": """\
Abrimos de segunda a sexta das 9h às 18h30, e aos sábados das 10h às 16h. Aos domingos a loja fica \
fechada, mas a oficina ao lado recebe consertos até o meio-dia. A Sra. Teles, que afia facas, só \
vem às quartas-feiras; traga as facas enroladas em um pano, por favor. Ficamos na rua do Porto, \
n.º 14, a dois minutos da antiga parada da balsa. Atrás do prédio há estacionamento por **R$ 7,50 \
por hora**. Nos feriados fechamos mais cedo que de costume, ou seja, às 14h. Quer que eu separe \
alguma coisa até você chegar?""",
    "order": """\
Obrigado por perguntar, já consultei aqui. O seu pedido saiu ontem às 16h45 do nosso depósito e \
foi entregue à transportadora na mesma noite. São dois itens: a *frigideira de ferro de 26 cm* e \
um pote de páprica defumada, no total **R$ 324,90** com o frete incluído. As encomendas para a sua \
região levam de dois a três dias úteis, então deve chegar na quinta ou, no máximo, na sexta-feira. \
Se não houver ninguém em casa, o entregador deixa um aviso e você pode retirar o pacote na loja da \
esquina, p. ex. depois do trabalho. Quer mudar alguma coisa na entrega?""",
    "return": """\
Claro, devolver um produto é bem simples. Você tem 30 dias a partir do dia em que o pacote chegou \
e não precisa dizer o motivo. Funciona assim:

1. Coloque o produto na caixa, com as peças pequenas e o folheto.
2. Escreva o número do pedido na folha que veio dentro (começa com SK-).
3. Leve a qualquer ponto de coleta, ou peça a retirada em casa por R$ 19,90.

Assim que ele chegar aqui nós o conferimos, o que leva um ou dois dias, e o dinheiro volta para o \
cartão usado na compra. Se veio quebrado, **não envie ainda**: basta uma foto, e mandamos outro na \
hora. Quer que eu prepare a etiqueta agora?""",
    "other": """\
Olá, e obrigado por escrever para a Saltmarsh Kitchen! Somos uma pequena loja de panelas, facas e \
temperos, e eu sou o assistente que responde aqui a qualquer hora. Posso dizer quando abrimos, \
consultar um pedido ou ajudar com uma devolução. Muita gente pergunta pela nossa frigideira de \
ferro: custa **R$ 249,00**, dura a vida toda e temos dois tamanhos (26 e 30 cm). Ela serve para \
gás, indução e até fogão a lenha. Se preferir falar com uma pessoa, é só dizer, e alguém da equipe \
escreve para você por aqui. Como posso ajudar hoje?""",
}

FRENCH = {
    "hours": """\
Nous ouvrons du lundi au vendredi de 9 h à 18 h 30, et le samedi de 10 h à 16 h. Le dimanche, la \
boutique est fermée, mais l'atelier d'à côté reçoit les réparations jusqu'à midi. M. Laurent, qui \
aiguise les couteaux, ne vient que le mercredi ; apportez-les dans un torchon, s'il vous plaît. \
Nous sommes au 14, rue du Port, à deux minutes de l'ancien arrêt du bac. Derrière le bâtiment, il \
y a un parking à **1,50 € l'heure**. Pendant les fêtes, nous fermons plus tôt que d'habitude, \
c.-à-d. à 14 h. Voulez-vous que je vous mette quelque chose de côté ?""",
    "order": """\
Merci de votre question, je viens de regarder. Votre commande a quitté notre atelier hier à 16 h \
45 et le transporteur l'a prise le soir même. Elle contient deux articles : la *poêle en fonte de \
26 cm* et un pot de paprika fumé, soit **64,90 €** livraison comprise. Les colis pour votre région \
mettent deux à trois jours ouvrables ; il devrait donc arriver jeudi ou, au plus tard, vendredi. \
S'il n'y a personne chez vous, le livreur laisse un avis et vous pouvez retirer le colis au \
magasin du coin, p. ex. après le travail. Souhaitez-vous changer quelque chose à la livraison ?""",
    "return": """\
Bien sûr, un retour ne pose aucun problème. Vous avez 30 jours à partir de l'arrivée du colis, et \
vous n'avez pas à nous dire pourquoi. Voici comment faire :

1. Remettez l'article dans sa boîte, avec les petites pièces et le livret.
2. Écrivez le numéro de commande sur la feuille jointe (il commence par SK-).
3. Déposez-le dans un point relais, ou demandez-nous de le faire prendre pour 3,90 €.

Dès qu'il est chez nous, nous le vérifions, ce qui prend un ou deux jours, puis l'argent revient \
sur la carte qui a servi à payer. S'il est arrivé cassé, **ne l'envoyez pas encore** : une photo \
suffit, et nous en expédions un neuf tout de suite. Voulez-vous que je prépare l'étiquette ?""",
    "other": """\
Bonjour, et merci d'écrire à Saltmarsh Kitchen ! Nous sommes une petite boutique de poêles, de \
couteaux et d'épices, et je suis l'assistant qui répond ici à toute heure. Je peux vous dire quand \
nous ouvrons, chercher une commande ou vous aider pour un retour. On nous demande souvent notre \
poêle en fonte : elle coûte **49,00 €**, dure toute une vie et existe en deux tailles (26 et \
30 cm). Elle va sur le gaz, l'induction et même le feu de bois. Si vous préférez parler à une \
personne, dites-le, et quelqu'un de l'équipe vous écrira ici. Que puis-je faire pour vous ?""",
}

GERMAN = {
    "hours": """\
Wir haben Mo. bis Fr. von 9 bis 18.30 Uhr geöffnet und samstags von 10 bis 16 Uhr. Am Sonntag ist \
der Laden geschlossen, aber die Werkstatt nebenan nimmt bis zum Mittag Reparaturen an. Frau \
Dr. Ebel, die Messer schleift, ist nur mittwochs da; bringen Sie sie bitte in ein Tuch gewickelt \
mit. Sie finden uns in der Hafenstr. 14, zwei Minuten von der alten Fähre, und hinter dem Haus \
kann man für **1,50 € pro Stunde** parken. Über die Feiertage schließen wir früher als sonst, d. \
h. am 24. und am 31. Dezember um 14 Uhr. Soll ich Ihnen bis dahin etwas zurücklegen?""",
    "order": """\
Danke für die Nachfrage, ich habe gleich nachgesehen. Ihre Bestellung hat gestern um 16.45 Uhr \
unseren Packtisch verlassen und wurde noch am selben Abend dem Paketdienst übergeben. Es sind zwei \
Artikel: die *gusseiserne Pfanne, 26 cm* und ein Glas geräucherter Paprika, zusammen **64,90 €** \
inkl. Versand. Pakete zu Ihnen brauchen zwei bis drei Werktage, es sollte also am Donnerstag da \
sein, spätestens am Freitag. Ist niemand zu Hause, liegt eine Karte im Kasten, und Sie holen das \
Paket im Laden an der Ecke ab, z. B. nach der Arbeit. Möchten Sie an der Lieferung etwas ändern?""",
    "return": """\
Natürlich, eine Rückgabe ist kein Problem. Sie haben ab dem Tag der Lieferung 30 Tage Zeit und \
müssen keinen Grund nennen. So geht es:

1. Legen Sie den Artikel mit allen Kleinteilen und dem Heft in seine Schachtel.
2. Schreiben Sie die Bestellnummer auf den Zettel, der dabei war (sie beginnt mit SK-).
3. Bringen Sie das Paket in einen Paketladen, oder lassen Sie es für 3,90 € abholen.

Sobald es bei uns ist, prüfen wir es, das dauert ein bis zwei Tage, und dann geht das Geld auf die \
Karte zurück, mit der Sie bezahlt haben. Kam der Artikel kaputt an, schicken Sie ihn bitte **noch \
nicht** zurück: Ein Foto genügt, und wir senden sofort einen neuen. Soll ich das Etikett gleich \
vorbereiten?""",
    "other": """\
Hallo und danke, dass Sie Saltmarsh Kitchen schreiben! Wir sind ein kleiner Laden für Pfannen, \
Messer und Gewürze, und ich bin der Assistent, der hier zu jeder Zeit antwortet. Ich sage Ihnen \
gern, wann wir geöffnet haben, suche eine Bestellung heraus oder helfe bei einer Rückgabe. Viele \
fragen nach unserer gusseisernen Pfanne: Sie kostet **49,00 €**, hält ein Leben lang und ist in \
zwei Größen vorrätig (26 und 30 cm). Ob Gas, Induktion oder offenes Feuer, das ist ihr gleich. \
Möchten Sie lieber mit einem Menschen sprechen, sagen Sie es einfach, und jemand aus dem Team \
schreibt Ihnen hier. Was kann ich heute für Sie tun?""",
}
