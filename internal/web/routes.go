package web

import (
	"net/http"

	"usher/internal/response"
)

// route is one line of the table: a pattern of net/http's mux, and what answers it. Who may come in stands in the handler's wrapper.
type route struct {
	pattern string
	handler handler
}

// routes lists every page. The method is always in the pattern: GET changes nothing, POST changes something and answers 303, but for what is shown once.
func (d *Door) routes() []route {
	return []route{
		{"GET /{$}", d.start},
		{"GET /sign-in", d.getSignIn},
		{"POST /sign-in", d.postSignIn},
		{"GET /sign-in/code", d.getCodeStep(byAuthenticator)},
		{"POST /sign-in/code", d.postCodeStep(byAuthenticator)},
		{"GET /sign-in/recovery", d.getCodeStep(byRecovery)},
		{"POST /sign-in/recovery", d.postCodeStep(byRecovery)},
		{"GET /sign-in/recovery-used", d.person(d.getRecoveryUsed)},
		{"GET /sign-in/again", d.person(d.getSignInAgain)},
		{"POST /sign-in/again", d.person(d.postSignInAgain)},
		{"POST /sign-in/passkey", d.postSignInPasskey},
		{"POST /sign-in/passkey/begin", d.postSignInPasskeyBegin},
		{"POST /sign-in/code/passkey", d.postCodePasskey},
		{"POST /sign-in/code/passkey/begin", d.postCodePasskeyBegin},
		{"POST /sign-in/again/passkey", d.person(d.postAgainPasskey)},
		{"POST /sign-in/again/passkey/begin", d.person(d.postAgainPasskeyBegin)},
		{"POST /sign-in/again/with/{provider}", d.person(d.postOutsideAgain)},
		{"POST /sign-in/with/{provider}", d.postOutside},
		{"GET /sign-in/with/{provider}/logo", d.getOutsideLogo},
		{"GET /sign-in/with/{provider}/return", d.getOutsideReturn},
		{"POST /sign-in/with/{provider}/return", d.postOutsideReturn},
		{"GET /sign-in/arrival", d.getOutsideArrival},
		{"POST /sign-in/arrival", d.postOutsideArrival},
		{"POST /sign-in/arrival/address", d.postArrivalAddress},
		{"POST /sign-in/arrival/code", d.postArrivalCode},
		{"GET /sign-in/join", d.getJoin},
		{"POST /sign-in/join", d.postJoin},
		{"GET /sign-in/confirm", d.getSignInConfirm},
		{"POST /sign-in/confirm/passkey", d.postConfirmPasskey},
		{"POST /sign-in/confirm/passkey/begin", d.postConfirmPasskeyBegin},
		{"POST /sign-in/confirm/with/{provider}", d.postSignInConfirm},
		{"POST /sign-out", d.postSignOut},
		{"GET /.well-known/change-password", d.changePassword},
		{"GET /.well-known/passkey-endpoints", d.passkeyEndpoints},

		{"GET /auth", d.getAuth},
		{"GET /auth/{$}", d.getAuth},

		{"GET /authorize/consent", d.getConsent},
		{"POST /authorize/consent", d.postConsent},
		{"GET /authorize/refused", d.getAuthorizeRefused},
		{"GET /authorize/sign-out", d.getAppSignOut},
		{"POST /authorize/sign-out", d.person(d.postAppSignOut)},

		{"GET /sign-up", d.getSignUp},
		{"POST /sign-up", d.postSignUp},
		{"POST /sign-up/strength", d.strength},
		{"GET /sign-up/code", d.getSignUpCode},
		{"POST /sign-up/code", d.postSignUpCode},
		{"POST /sign-up/code/again", d.postSignUpCodeAgain},
		{"GET /sign-up/confirm/{token}", d.follow(linkConfirm)},
		{"GET /sign-up/confirm", d.getSignUpConfirm},
		{"POST /sign-up/confirm", d.postSignUpConfirm},
		{"GET /welcome", d.person(d.getWelcome)},
		{"POST /welcome", d.person(d.postWelcome)},
		{"GET /setup/{token}", d.follow(linkSetUp)},
		{"GET /setup", d.getSetUp},
		{"POST /setup", d.postSetUp},
		{"GET /invitation/{token}", d.follow(linkInvitation)},
		{"GET /invitation", d.getInvitation},
		{"POST /invitation", d.postInvitation},

		{"GET /account", d.person(d.getAccount)},
		{"GET /account/review", d.person(d.getReview)},
		{"POST /account/review", d.person(d.postReview)},
		{"GET /account/profile", d.person(d.getProfile)},
		{"POST /account/profile", d.person(d.postProfile)},
		{"GET /account/email", d.proved(d.getEmail)},
		{"POST /account/email", d.person(d.postEmail)},
		{"GET /account/email/code", d.person(d.getEmailCode)},
		{"POST /account/email/code", d.person(d.postEmailCode)},
		{"POST /account/email/code/again", d.person(d.postEmailCodeAgain)},
		{"POST /account/email/cancel", d.person(d.postEmailCancel)},
		{"GET /account/email/confirm/{token}", d.follow(linkChange)},
		{"GET /account/email/confirm", d.person(d.getEmailConfirm)},
		{"POST /account/email/confirm", d.person(d.postEmailConfirm)},
		{"GET /account/notice-address", d.proved(d.getNoticeAddress)},
		{"POST /account/notice-address", d.person(d.postNoticeAddress)},
		{"GET /account/notice-address/code", d.person(d.getNoticeCode)},
		{"POST /account/notice-address/code", d.person(d.postNoticeCode)},
		{"POST /account/notice-address/code/again", d.person(d.postNoticeCodeAgain)},
		{"POST /account/notice-address/remove", d.person(d.postNoticeRemove)},
		{"GET /account/password", d.proveable(d.getPassword)},
		{"POST /account/password", d.person(d.postPassword)},
		{"GET /account/second-step", d.person(d.getSecondStep)},
		{"POST /account/second-step/begin", d.person(d.postSecondStepBegin)},
		{"POST /account/second-step/confirm", d.person(d.postSecondStepConfirm)},
		{"POST /account/second-step/finish", d.person(d.postSecondStepFinish)},
		{"POST /account/second-step/codes", d.person(d.postSecondStepCodes)},
		{"POST /account/second-step/always", d.person(d.postSecondStepAlways)},
		{"POST /account/second-step/off", d.person(d.postSecondStepOff)},
		{"POST /account/second-step/forget", d.person(d.postSecondStepForget)},
		{"POST /account/second-step/forget-all", d.person(d.postSecondStepForgetAll)},
		{"POST /account/second-step/keep", d.person(d.postSecondStepKeep)},
		{"GET /account/passkeys", d.person(d.getPasskeys)},
		{"GET /account/passkeys/new", d.fresh(d.getPasskeyNew)},
		{"POST /account/passkeys/new", d.person(d.postPasskeyNew)},
		{"POST /account/passkeys/new/begin", d.person(d.postPasskeyNewBegin)},
		{"GET /account/passkeys/{id}", d.person(d.getPasskey)},
		{"POST /account/passkeys/{id}/rename", d.person(d.postPasskeyRename)},
		{"POST /account/passkeys/{id}/keep", d.person(d.postPasskeyKeep)},
		{"POST /account/passkeys/{id}/remove", d.person(d.postPasskeyRemove)},
		{"GET /account/sign-in-ways", d.person(d.getSignInWays)},
		{"POST /account/sign-in-ways/link/{provider}", d.person(d.postSignInWaysLink)},
		{"POST /account/sign-in-ways/unlink", d.person(d.postSignInWaysUnlink)},
		{"GET /account/devices", d.person(d.getDevices)},
		{"POST /account/devices/sign-out", d.person(d.postDevicesSignOut)},
		{"POST /account/devices/sign-out-all", d.person(d.postDevicesSignOutAll)},
		{"GET /account/app-passwords", d.person(d.getAppPasswords)},
		{"GET /account/app-passwords/new", d.proved(d.getAppPasswordNew)},
		{"POST /account/app-passwords/new", d.person(d.postAppPasswordNew)},
		{"POST /account/app-passwords/revoke", d.person(d.postAppPasswordRevoke)},
		{"GET /account/apps", d.person(d.getApps)},
		{"POST /account/apps/remove", d.person(d.postAppsRemove)},
		{"GET /account/activity", d.person(d.getActivity)},
		{"GET /account/data", d.person(d.getData)},
		{"GET /account/data/download", d.fresh(d.getDownload)},
		{"POST /account/data/delete", d.person(d.postDelete)},
		{"GET /account/deleting", d.leaver(d.getDeleting)},
		{"POST /account/keep", d.leaver(d.postKeep)},

		{"GET /link", d.person(d.getLink)},
		{"POST /link", d.person(d.postLink)},
		{"GET /link/confirm", d.person(d.getLinkConfirm)},
		{"POST /link/confirm", d.person(d.postLinkConfirm)},
		{"POST /link/deny", d.person(d.postLinkDeny)},

		{"GET /claim", d.person(d.getClaim)},
		{"POST /claim", d.person(d.postClaim)},
		{"POST /claim/token", d.person(d.postClaimToken)},
		{"GET /claim/confirm", d.person(d.getClaimConfirm)},
		{"POST /claim/confirm", d.person(d.postClaimConfirm)},
		{"POST /claim/deny", d.person(d.postClaimDeny)},
		{"GET /claim/arrival", d.person(d.getArrival)},
		{"GET /servers", d.person(d.getServers)},
		{"POST /servers", d.person(d.postServersBack)},
		{"POST /servers/plain/sign-out", d.person(d.postServersSignOut)},
		{"GET /servers/{id}", d.person(d.getServer)},
		{"POST /servers/{id}/{act}", d.person(d.postServer)},
		{"GET /servers/{id}/app-password", d.proved(d.getServerPassword)},
		{"POST /servers/{id}/app-password", d.person(d.postServerPassword)},
		{"GET /servers/{id}/access", d.proved(d.getServerAccess)},
		{"POST /servers/{id}/access", d.person(d.postServerAccess)},
		{"GET /servers/{id}/change", d.proved(d.getServerGuest)},
		{"POST /servers/{id}/change", d.person(d.postServerGuest)},
		{"POST /servers/{id}/leave", d.person(d.postServerLeave)},
		{"GET /invitations/{id}", d.getServerInvitation},
		{"POST /invitations/{id}/{act}", d.person(d.postServerInvitation)},

		{"GET /servers/{id}/home", d.fresh(d.getServerHome)},
		{"POST /servers/{id}/home", d.person(d.postServerHome)},

		{"GET /home", d.getHome},
		{"GET /home/pin", d.getHomePIN},
		{"POST /home/switch", d.postHomeSwitch},
		{"POST /home/back", d.postHomeBack},
		{"GET /home/invite", d.fresh(d.getHomeInvite)},
		{"POST /home/invite", d.person(d.postHomeInvite)},
		{"GET /home/add", d.fresh(d.getHomeAdd)},
		{"POST /home/add", d.person(d.postHomeAdd)},
		{"GET /home/members/{id}", d.fresh(d.getHomeMember)},
		{"POST /home/members/{id}/{act}", d.person(d.postHomeMember)},
		{"GET /home/join/{id}", d.person(d.getHomeJoin)},
		{"POST /home/join/{id}/{act}", d.person(d.postHomeJoin)},
		{"POST /home/leave", d.person(d.postHomeLeave)},
		{"POST /home/end", d.person(d.postHomeEnd)},
		{"POST /home/devices/sign-out", d.person(d.postHomeDevice)},

		{"GET /docs/api", d.getAPIDocs},
		{"GET /tv", d.getTV},
		{"POST /tv", d.postTV},
		{"GET /tv/pin", d.getTVPIN},
		{"POST /tv/switch", d.postTVSwitch},
		{"POST /tv/who", d.postTVWho},
		{"POST /tv/sign-out", d.postTVSignOut},

		{"GET /remove-device/{token}", d.follow(linkRemove)},
		{"GET /remove-device", d.getRemoveDevice},
		{"POST /remove-device", d.postRemoveDevice},
		{"GET /not-me/{token}", d.follow(linkNotMe)},
		{"GET /not-me", d.getNotMe},
		{"POST /not-me", d.postNotMe},
		{"GET /keep-second-step/{token}", d.follow(linkKeep)},
		{"GET /keep-second-step", d.getKeepSecondStep},
		{"POST /keep-second-step", d.postKeepSecondStep},
		{"GET /undo/{token}", d.follow(linkUndo)},
		{"GET /undo", d.getUndo},
		{"POST /undo", d.postUndo},
		{"GET /reset", d.getResetAsk},
		{"POST /reset", d.postResetAsk},
		{"POST /reset/required", d.postResetRequired},
		{"GET /reset/{token}", d.follow(linkReset)},
		{"GET /reset/new", d.getResetNew},
		{"POST /reset/new", d.postResetNew},
		{"POST /reset/code", d.postResetCode},
		{"POST /reset/code/passkey", d.postResetPasskey},
		{"POST /reset/code/passkey/begin", d.postResetPasskeyBegin},

		{"GET /notice", d.getNotice},
		{"POST /notice", d.postNotice},
		{"GET /incident", d.console(d.getConsole)},
		{"POST /incident/{act}", d.console(d.postConsole)},

		{"GET /admin", d.administrator(d.getAdmin)},
		{"GET /admin/accounts", d.administrator(d.getAdminAccounts)},
		{"POST /admin/accounts", d.adminSearch(d.postAdminAccounts)},
		{"GET /admin/accounts/{id}", d.administrator(d.getAdminAccount)},
		{"POST /admin/accounts/{id}/{act}", d.administrator(d.postAdminAccount)},
		{"POST /admin/accounts/{id}/free-server", d.administrator(d.postAdminFreeServer)},
		{"GET /admin/invitations", d.administrator(d.getAdminInvitations)},
		{"POST /admin/invitations", d.administrator(d.postAdminInvitation)},
		{"POST /admin/invitations/revoke", d.administrator(d.postAdminInvitationRevoke)},
		{"GET /admin/clients", d.administrator(d.getAdminClients)},
		{"GET /admin/clients/new", d.administrator(d.getAdminClientNew)},
		{"POST /admin/clients/new", d.administrator(d.postAdminClientNew)},
		{"GET /admin/clients/{id}", d.administrator(d.getAdminClient)},
		{"GET /admin/clients/{id}/change", d.administrator(d.getAdminClientChange)},
		{"POST /admin/clients/{id}/change", d.administrator(d.postAdminClientChange)},
		{"POST /admin/clients/{id}/{act}", d.administrator(d.postAdminClient)},
		{"GET /admin/incidents", d.administrator(d.getAdminIncidents)},
		{"GET /admin/incidents/new", d.administrator(d.getAdminIncidentNew)},
		{"POST /admin/incidents/new", d.draftHandler()},
		{"GET /admin/incidents/{id}", d.administrator(d.getAdminIncident)},
		{"POST /admin/incidents/{id}/draft", d.draftHandler()},
		{"POST /admin/incidents/{id}/{act}", d.administrator(d.postAdminIncident)},
		{"GET /admin/mail", d.administrator(d.getAdminMail)},
		{"POST /admin/mail/retry", d.administrator(d.postAdminMailRetry)},
		{"GET /admin/audit", d.administrator(d.getAdminAudit)},
		{"POST /admin/audit", d.adminSearch(d.postAdminAudit)},
	}
}

// Handler mounts every page, the help, and the static files. What has no page is 404, and 405 when there is one for another method.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range d.routes() {
		mux.Handle(rt.pattern, d.show(rt.handler))
	}
	mux.Handle("GET /help", d.Pages.Help())
	mux.Handle("GET /help/", d.Pages.Help())
	mux.Handle("GET /static/", d.Pages.Static())
	mux.Handle("GET /favicon.ico", http.RedirectHandler("/static/favicon.svg", http.StatusFound))
	mux.Handle("GET /robots.txt", http.HandlerFunc(robots))
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.noPage(mux, w, r) }))
	return mux
}

// noPage tells a wrong method from a wrong address.
func (d *Door) noPage(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	allowed := response.Allowed(mux, r)
	if allowed == "" {
		d.Pages.Error(w, r, ErrorPage{Status: http.StatusNotFound})
		return
	}
	w.Header().Set("Allow", allowed)
	d.Pages.Error(w, r, ErrorPage{Status: http.StatusMethodNotAllowed})
}

// robots keeps search engines out of everything: nothing here is for them.
func robots(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("User-agent: *\nDisallow: /\n"))
}
